//! Contacts.

use serde::{Deserialize, Serialize};

use super::Location;

/// `GetContactMethods`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetContacts {
    /// Only those of these ways.
    pub protocols: Option<Vec<String>>,
}

/// What is about the contact of one way.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfContact {
    /// The way.
    pub protocol: String,
}

/// `CreateContactMethod`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateContact {
    /// By which way.
    pub protocol: String,
    /// Whom.
    pub contact_endpoint: String,
}

/// Contacts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contacts {
    /// All of them.
    pub contact_methods: Vec<Contact>,
}

/// A contact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Its name.
    pub name: String,
    /// Its name among all there are.
    pub arn: String,
    /// For whoever is asked about it.
    pub support_code: String,
    /// Where it is.
    pub location: Location,
    /// `ContactMethod`.
    pub resource_type: &'static str,
    /// Whom.
    pub contact_endpoint: String,
    /// Whether it is told of anything.
    pub status: &'static str,
    /// By which way.
    pub protocol: &'static str,
}
