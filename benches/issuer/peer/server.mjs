// A token server that one would take instead: oidc-provider, with client credentials and access
// tokens that are JWTs. It keeps nothing on disk and writes no audit log.
//   node server.mjs PORT ALG [BITS]

import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, alg, bits] = process.argv.slice(2);
const { privateKey } =
  alg === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: Number(bits) });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'bench',
      client_secret: 'bench',
      grant_types: ['client_credentials'],
      id_token_signed_response_alg: alg,
      redirect_uris: [],
      response_types: [],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg, use: 'sig' }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:functions',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: '',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 3600,
        jwt: { sign: { alg } },
      }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1');
