//! The object identifiers of the accepted types of key and their curves.

use p256::pkcs8::AssociatedOid;
use spki::ObjectIdentifier;

/// RSA (RFC 8017 appendix A.1).
pub const RSA: ObjectIdentifier = pkcs1::ALGORITHM_OID;
/// An elliptic curve, which the parameters name (RFC 5480 §2.1.1).
pub const EC: ObjectIdentifier = p256::elliptic_curve::ALGORITHM_OID;
/// NIST P-256 (RFC 5480 §2.1.1.1).
pub const P256: ObjectIdentifier = p256::NistP256::OID;
/// NIST P-384 (RFC 5480 §2.1.1.1).
pub const P384: ObjectIdentifier = p384::NistP384::OID;
/// Ed25519 (RFC 8410 §3).
pub const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
