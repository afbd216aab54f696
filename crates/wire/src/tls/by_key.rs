//! Servers known by their key, or not at all.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{TlsError, certificates_of, provider};

/// Looks at nothing but the public key, or not even at that; that the peer holds the private one is still checked.
#[derive(Debug)]
pub(crate) struct ByKey {
    provider: Arc<CryptoProvider>,
    /// In DER; `None` is any.
    expected: Option<Vec<u8>>,
}

impl ByKey {
    /// Believes anybody.
    pub(crate) fn anybody() -> Self {
        Self {
            provider: provider(),
            expected: None,
        }
    }

    /// Believes whoever has the key of the first of these certificates.
    pub(super) fn of(pem: &[u8]) -> Result<Self, TlsError> {
        let certificates = certificates_of(pem)?;
        let first = certificates.first().ok_or(TlsError::NoCertificate)?;
        Ok(Self {
            provider: provider(),
            expected: Some(public_key(first)?),
        })
    }
}

fn public_key(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, rustls::Error> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
    Ok(parsed.subject_public_key_info().to_vec())
}

impl ServerCertVerifier for ByKey {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.expected {
            Some(expected) if *expected != public_key(certificate)? => Err(rustls::Error::General(
                "the peer has another key".to_owned(),
            )),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
