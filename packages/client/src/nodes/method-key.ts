/** What names a method. */
interface MethodNames {
  readonly service: string;
  readonly method: string;
}

/** Service and method as one key; a space is in neither. */
export function methodKey({ service, method }: MethodNames): string {
  return `${service} ${method}`;
}

/** Whether two are the same method of the same service. */
export function isSameMethod(a: MethodNames, b: MethodNames): boolean {
  return a === b || (a.method === b.method && a.service === b.service);
}
