//! Known good signatures, by which a back end proves itself before anything depends on it.
//!
//! The private keys were thrown away when these were made with OpenSSL.

use namespace_jwt_core::signature::Algorithm;

/// A signed token, the PEM key that it is good under, and its algorithm.
pub struct Proof {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key, as SPKI.
    pub public_key: &'static str,
    /// The token. Its payload is `namespace-jwt`.
    pub token: &'static str,
}

const RSA: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0uUVLORo6tSLge3/HgYL
lepEYn1iZ/Ay50vQbk69IYFJj8baGB/19OHGopG16CaCTcUT4ByniJyIuS33+B9i
Pv7Fhp6EOfeTdlU73shTgXdaX0+tIya21sztMcMpYI9gb84POzV+ZzIWLEsUNybk
RPozAp+nNhyXloku3oQI61QE/2tuui7RPyoGFYDSSzoNh1TGrqPEK8jwezModvz3
Do/jop9HS2cm88y3jfYLlgtTFhQapcj7CO7RyLLXUwNFfQZ7oMZ8dl3RuA2ZlkiY
wCrxrkSc+3y6C9hRX7ucKzvp2mL+K9w9qzVn07no9P7TabkGzGdSyA06Pws9EJh9
BQIDAQAB
-----END PUBLIC KEY-----";
const P256: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwX4mP/5gYz58bKdhXGK+uE5xOyzB
TGUCu1ccG+O9jIS3TR3aP/6eWEYVY5pECSpHBdibOleD/A+J6ibh8oX3MA==
-----END PUBLIC KEY-----";
const P384: &str = "\
-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEkuZkhwIcdZnmiN/tCtopNDtaRcdQNOok
UyjpkS4WUYsL4LLbEnHy/qcZpA8qrO362kJ67JWSlkbqJmTGL4rA96/mIdVuNzVE
ncGEDAnnlxXbA5K7UYrdFsd7fj1e035f
-----END PUBLIC KEY-----";

/// One for each algorithm that a proxy may be able to verify.
pub const PROOFS: [Proof; 5] = [
    Proof {
        algorithm: Algorithm::Rs256,
        public_key: RSA,
        token: "eyJhbGciOiJSUzI1NiJ9.bmFtZXNwYWNlLWp3dA.xL4U6zOrpDnjeW9zA1jE_Cy07P1MRvFBvmEyHUTWiLsG\
            DeUTzcIhf92DH53WZ5yHlH3Hucta1h5Lqe3kJw-J3LbXdLS5rx_Fo_0BkRVQOqeitPYc9zY7U1aUY_GHbEL1\
            XHtI8R64N4jtSlDNrCNNB3JnSpNYWpIcqr0HWdbK6v8ZIwMAJ0cyTZCgJWEzCUvRjmJYAElTvFf2AbQwBs_K\
            H1563PJBT1VA_WHXkMwJIg4QxYxHcuqcEoEOi50bRL8Bn35PxCvwH_rn2Whbhtms2A_pjUtc-1sz4-_1QasG\
            JHmf_qUh0rAO_-2EhypdanxXW3Li5bmY6EvwLCeGehna_A",
    },
    Proof {
        algorithm: Algorithm::Rs384,
        public_key: RSA,
        token: "eyJhbGciOiJSUzM4NCJ9.bmFtZXNwYWNlLWp3dA.ury9LO40KvlKG4yjPtkXijJtAekwjQLeO7PK59l-LX8E\
            YK1wrxnZoO3IdlDrfJ3pUQdHYsxCTBd599iipQK2-lcCGWVTnstktPZFSmH-a0JLrRhkY-N-QP9LgILRk8y2\
            x9De6056uPlFBGDNcoOreIAWuc_J6yrbq-K9ig60BAh0bngoRKXQBQ0kGo4xIlXF2Kla8VCfPG4e02MtDZqp\
            vyqNVgj7A_dDeQYgrp0t_60rnOkwzOPwB1uf7gAzu88g2BGPEI2iTEEiLhMbdtquG6fi7I_UILiClqhlVewU\
            4kQj2uUC2gjmAhMstlJ35jBQh4CkedM_llzj89iFa9ks7A",
    },
    Proof {
        algorithm: Algorithm::Rs512,
        public_key: RSA,
        token: "eyJhbGciOiJSUzUxMiJ9.bmFtZXNwYWNlLWp3dA.CVeWbb2g40IfE8Bb1PqJTFWJuwfL0AkxgkusCYqmeyRm\
            xPhhFRrWMcOa-4OI8WJHsTWNkAK0pj9X4z-SumiCwtft9EoQnRwaysMQLkw0PZKMeyNAf-7QXZcpVmj-b87k\
            fTJv7RXj3p1S1hxl6A6AMmGKBcMdbAxQacafY4v5SHWmh74fGDRfaTEZWzImHLdQoihHkCN3v0dXQf0Do4Wl\
            eZKfgQNm5Yb59SVviKrm01geRCwqlqbMuRiLANvfbmRcvqo5GwKwIcQXc8LMiIclTTduHQofJ48WaOGZVVbi\
            PRrF1GJdV9AWQptTGzHbAXUIctb0bJMr8LyImVA8LsF7dA",
    },
    Proof {
        algorithm: Algorithm::Es256,
        public_key: P256,
        token: "eyJhbGciOiJFUzI1NiJ9.bmFtZXNwYWNlLWp3dA.eiXzKxSNfgAGdKm_wG-voNNEcOs4g5RiJoMJBacZ2QH2\
            Xixo_-RUBCZ8F_Vc7k3EQEJ7dHh334Qnn-3ISP_2Zg",
    },
    Proof {
        algorithm: Algorithm::Es384,
        public_key: P384,
        token: "eyJhbGciOiJFUzM4NCJ9.bmFtZXNwYWNlLWp3dA.Gkycnhw_CY1ttQmJcScufLsYQn5g8qw_5hIAN1cN4KVU\
            5R4aTZk9pQdJsJ0He22IHrseUnim7El-H6CvPAbAWrSlhdd99DYep8w7BtoxiWwCpjbZ-gNV7iOaQpm5MMOY",
    },
];
