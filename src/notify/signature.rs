//! Standard Webhooks: secrets and signatures.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::model::{Code, Error, Result};

/// What a secret starts with when it is shown.
const PREFIX: &str = "whsec_";

/// A key of 24 to 64 bytes that signs the messages of a contact.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// From random bytes that the caller drew.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::parse(SecretString::from(format!("{PREFIX}{}", STANDARD.encode(bytes))))
    }

    /// Reads `whsec_` and base64 of 24 to 64 bytes.
    pub fn parse(text: SecretString) -> Result<Self> {
        let key = text.expose_secret().strip_prefix(PREFIX).and_then(|t| STANDARD.decode(t).ok());
        if key.is_some_and(|k| (24..=64).contains(&k.len())) {
            Ok(Self(text))
        } else {
            Err(Error::new(Code::InvalidSecret, "this is not a secret of a webhook")
                .hint("a secret is `whsec_` and base64 of 24 to 64 bytes"))
        }
    }

    /// The text to show once and to store.
    pub fn text(&self) -> &SecretString {
        &self.0
    }

    fn sign(&self, content: &[&[u8]]) -> Option<String> {
        let key = STANDARD.decode(self.0.expose_secret().strip_prefix(PREFIX)?).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        content.iter().for_each(|part| mac.update(part));
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The header `webhook-signature` over the exact bytes of a body; one signature per secret, separated by spaces.
pub fn header(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let timestamp = timestamp.to_string();
    let content: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    secrets.iter().filter_map(|s| s.sign(&content)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret, SecretString};

    use super::{Secret, header};

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = b"{\"test\": 2432232314}";

    fn secret(base64: &str) -> Secret {
        Secret::parse(SecretString::from(format!("whsec_{base64}"))).unwrap()
    }

    #[test]
    fn the_known_answer_of_the_specification() {
        let known = secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = header(std::slice::from_ref(&known), ID, 1_614_265_330, BODY);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let other = secret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let both = header(&[other, known], ID, 1_614_265_330, BODY);
        assert!(both.ends_with(" v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), "{both}");
    }

    #[test]
    fn the_reference_accepts_it_and_nothing_else() {
        let secret = Secret::from_bytes(&[7; 32]).unwrap();
        let now = jiff::Timestamp::now().as_second();
        let verify = |id: &str, body: &[u8]| {
            let mut headers = http::HeaderMap::new();
            for (name, value) in [
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", now.to_string()),
                ("webhook-signature", header(std::slice::from_ref(&secret), ID, now, BODY)),
            ] {
                headers.insert(name, value.parse().unwrap());
            }
            standardwebhooks::Webhook::new(secret.text().expose_secret()).unwrap().verify(body, &headers).is_ok()
        };
        assert!(verify(ID, BODY));
        assert!(!verify(ID, b"{\"test\": 2432232315}"));
        assert!(!verify("msg_other", BODY));
    }

    #[test]
    fn secrets_have_24_to_64_bytes_and_are_not_printed() {
        for (bytes, good) in [(0, false), (23, false), (24, true), (32, true), (64, true), (65, false)] {
            assert_eq!(Secret::from_bytes(&vec![1; bytes]).is_ok(), good, "{bytes}");
        }
        let error = Secret::parse(SecretString::from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned())).err();
        assert_eq!(error.map(|e| e.code.as_str()), Some("invalid_secret"));
        assert!(!format!("{:?}", Secret::from_bytes(&[65; 24]).unwrap()).contains("QUFB"));
    }
}
