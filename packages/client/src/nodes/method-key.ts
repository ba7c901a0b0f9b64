/** Service and method as one key; a space is in neither. */
export function methodKey({ service, method }: { readonly service: string; readonly method: string }): string {
  return `${service} ${method}`;
}
