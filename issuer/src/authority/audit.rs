//! The audit log, as whoever runs a command of this program exports it: all of it, and signed.

use std::sync::Arc;

use namespace_jwt_core::key::{Material, pem};

use super::Authority;
use super::refusal::Refusal;
use crate::audit::{Export, TrustedKeys};
use crate::model::audit::AuditRecord;
use crate::signing::keys::SigningKey;

impl Authority {
    /// The number of the last entry; 0 where there is none.
    ///
    /// # Errors
    ///
    /// That the database can't be read.
    pub async fn last_audit_number(&self) -> Result<u64, Refusal> {
        self.read(|work| Ok(work.last_audit_number()?)).await
    }

    /// The next entries of the log after a number, of all organizations.
    ///
    /// # Errors
    ///
    /// That the database can't be read.
    pub async fn audit_entries(&self, after: u64, limit: u32) -> Result<Vec<AuditRecord>, Refusal> {
        self.read(move |work| Ok(work.audit_entries(after, limit)?)).await
    }

    /// The public keys of those that sign an export now. None where there is none yet.
    ///
    /// They are made of the private ones, which nobody can put there without the secrets key;
    /// the public keys in the database prove nothing.
    ///
    /// # Errors
    ///
    /// That the database can't be read, or that a key can't be used.
    pub async fn audit_keys(&self) -> Result<Option<TrustedKeys>, Refusal> {
        let mut pems = String::new();
        for key in self.open_trust_keys().await? {
            pems += &public_pem(&key)?;
        }
        if pems.is_empty() {
            return Ok(None);
        }
        TrustedKeys::from_pem(&pems).map(Some).map_err(|_| NOT_ED25519)
    }

    /// The last line of an export, signed now by each trust key.
    ///
    /// # Errors
    ///
    /// That the database can't be read, that there is no key, or that one can't be used.
    pub async fn sign_audit(&self, export: &Export) -> Result<String, Refusal> {
        let signers = self.open_trust_keys().await?;
        let mut keys = Vec::new();
        for signer in &signers {
            match pem::public_key(&public_pem(signer)?) {
                Ok(Material::Ed25519(key)) => keys.push(*key),
                _ => return Err(NOT_ED25519),
            }
        }
        let head = export.head(self.now(), keys);
        let head = head.ok_or(Refusal::Internal("there is no trust key, or no such time"))?;
        let message = head.signed_bytes();
        let mut signatures = Vec::new();
        for signer in &signers {
            let signature = signer.sign(&message).ok();
            let signature = signature.and_then(|bytes| bytes.as_slice().try_into().ok());
            signatures.push(signature.ok_or(Refusal::Internal("a trust key can't sign"))?);
        }
        Ok(head.line(&signatures))
    }

    async fn open_trust_keys(&self) -> Result<Vec<Arc<SigningKey>>, Refusal> {
        let mut opened = Vec::new();
        for key in self.read(|work| Ok(work.trust_keys()?)).await? {
            opened.push(self.keys.open_trust_key(&key).await?);
        }
        Ok(opened)
    }
}

/// No version of this program makes another one.
const NOT_ED25519: Refusal = Refusal::Internal("a trust key isn't one of Ed25519");

fn public_pem(key: &SigningKey) -> Result<String, Refusal> {
    key.public_pem().map_err(|_| Refusal::Internal("a trust key has no PEM form"))
}
