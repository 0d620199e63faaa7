//! One order: account, challenge, certificate.

use std::path::Path;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error as AcmeError, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::{Present, client::Bounded, failed, files};
use crate::model::{Acme, Domain, Error, Result};

/// What an authority answers to an account that it does not know.
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// A certificate with those that lead to its root, and its key, in PEM.
pub struct Chain {
    pub certificates: String,
    pub key: String,
}

fn words(error: &AcmeError) -> Error {
    let mut text = error.to_string();
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
        text = inner.to_string();
    }
    failed(&text)
}

fn builder(acme: &Acme) -> Result<instant_acme::AccountBuilder> {
    let client = Bounded::new(acme.ca.as_deref()).map_err(|e| words(&AcmeError::Other(e)))?;
    Ok(Account::builder_with_http(Box::new(client)))
}

/// Orders a certificate. An account that the authority has forgotten is made anew.
pub async fn order(acme: &Acme, folder: &Path, domain: &Domain, present: &mut Present<'_>) -> Result<Chain> {
    let begun = files::order(folder, domain, &acme.directory);
    let known = match files::account(folder, &acme.directory) {
        Some(credentials) => begin(restored(acme, credentials).await?, domain, begun).await,
        None => begin(registered(acme, folder).await?, domain, None).await,
    };
    let mut order = match known {
        Err(AcmeError::Api(problem)) if problem.r#type.as_deref() == Some(UNKNOWN_ACCOUNT) => {
            begin(registered(acme, folder).await?, domain, None).await.map_err(|e| words(&e))?
        }
        known => known.map_err(|e| words(&e))?,
    };
    files::write_order(folder, domain, &acme.directory, order.url())?;
    let answered = answer(&mut order, present).await;
    let chain = match answered {
        Ok(()) => finish(&mut order).await,
        Err(error) => Err(error),
    };
    // Whatever came of it, order and answer are of no more use.
    files::forget_order(folder, domain)?;
    present(None)?;
    chain
}

/// Goes on with the order that was begun at an address, as far as that is of use, or begins one.
async fn begin(account: Account, domain: &Domain, begun: Option<String>) -> std::result::Result<Order, AcmeError> {
    if let Some(url) = begun
        && let Ok(mut order) = account.order(url).await
        && matches!(order.state().status, OrderStatus::Pending | OrderStatus::Ready)
    {
        return Ok(order);
    }
    account.new_order(&NewOrder::new(&[Identifier::Dns(domain.to_string())])).await
}

async fn restored(acme: &Acme, credentials: AccountCredentials) -> Result<Account> {
    builder(acme)?.from_credentials(credentials).await.map_err(|e| words(&e))
}

async fn registered(acme: &Acme, folder: &Path) -> Result<Account> {
    let contact: Vec<String> = acme.contact.iter().map(|address| format!("mailto:{address}")).collect();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let made = builder(acme)?.create(&new, acme.directory.clone(), None).await;
    let (account, credentials) = made.map_err(|e| words(&e))?;
    files::write_account(folder, &files::Account { directory: acme.directory.clone(), credentials })?;
    Ok(account)
}

/// Has each challenge answered, and waits until the authority has looked.
async fn answer(order: &mut Order, present: &mut Present<'_>) -> Result<()> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(|e| words(&e))?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization
            .challenge(ChallengeType::Http01)
            .ok_or_else(|| failed("the certificate authority offers no proof over HTTP"))?;
        let answer = challenge.key_authorization().as_str().to_owned();
        // They go into a file and a command of HAProxy's.
        let plain =
            |text: &str| text.len() <= 512 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if challenge.token.is_empty() || !plain(&challenge.token) || !plain(&answer) {
            return Err(failed("the certificate authority's challenge has no valid form"));
        }
        present(Some((challenge.token.clone(), answer)))?;
        challenge.set_ready().await.map_err(|e| words(&e))?;
    }
    match order.poll_ready(&RetryPolicy::default()).await {
        Ok(OrderStatus::Ready) => Ok(()),
        other => {
            let general = match other {
                Ok(_) => failed("the certificate authority refuses the order"),
                Err(error) => words(&error),
            };
            Err(refusal(order).await.unwrap_or(general))
        }
    }
}

/// What the authority says of the challenge that failed.
async fn refusal(order: &mut Order) -> Option<Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.ok()?;
        let state = authorization.refresh().await.ok()?;
        let said = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref()?.detail.clone()).next();
        if let Some(said) = said {
            return Some(failed(&said));
        }
    }
    None
}

async fn finish(order: &mut Order) -> Result<Chain> {
    let key = order.finalize().await.map_err(|e| words(&e))?;
    let certificates = order.poll_certificate(&RetryPolicy::default()).await.map_err(|e| words(&e))?;
    Ok(Chain { certificates, key })
}
