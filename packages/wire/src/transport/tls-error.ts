const UNKNOWN_AUTHORITY =
  'the certificate of the other end comes from an authority that is not known here: name it in tls.ca';
const NO_TLS = 'the other end does not speak TLS: it is a plaintext port, or one of another protocol';
const NO_COMMON_VERSION = 'the two ends have no version of TLS in common (tls.minVersion)';
const NO_COMMON_PROTOCOL = 'the port speaks TLS but not this protocol (ALPN rpc/1)';
const OWN_NOT_ACCEPTED = 'the other end does not accept the certificate of this end';
const CLIENT_MUST_PROVE = 'the server demands a certificate of its clients: give the client tls.cert and tls.key';

/** What the codes of TLS mean for someone who runs services, and what to do. */
export const TLS_MEANINGS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate of the other end has expired',
  CERT_NOT_YET_VALID: 'the certificate of the other end is not valid yet: is a clock wrong?',
  CERT_REVOKED: 'the certificate of the other end was revoked',
  CERT_SIGNATURE_FAILURE: 'the signature of the certificate of the other end is wrong',
  INVALID_PURPOSE: 'the certificate of the other end is not meant for this use (extended key usage)',
  INVALID_CA: 'the certificate of the other end was issued by one that is not an authority',
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_HTTP_REQUEST: NO_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NO_COMMON_VERSION,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_COMMON_VERSION,
  ERR_SSL_NO_APPLICATION_PROTOCOL: NO_COMMON_PROTOCOL,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: NO_COMMON_PROTOCOL,
  ERR_SSL_NO_SHARED_CIPHER: 'the two ends have no TLS cipher in common',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'the other end ended the TLS handshake: it wants another cipher, or a certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: `${OWN_NOT_ACCEPTED}: its authority is not known there`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: `${OWN_NOT_ACCEPTED}: it has expired`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: OWN_NOT_ACCEPTED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: OWN_NOT_ACCEPTED,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: CLIENT_MUST_PROVE,
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: CLIENT_MUST_PROVE,
};

/** Why a client's certificate was not accepted, for the client and for the log of the server. */
export function describeClientRefusal(code: string | undefined): string {
  if (code === undefined) return CLIENT_MUST_PROVE;
  const meaning = TLS_MEANINGS[code]
    ?.replace('of the other end', 'of the client')
    .replace('known here', 'known to the server');
  return `${meaning ?? 'the certificate of the client was not accepted'} (${code})`;
}
