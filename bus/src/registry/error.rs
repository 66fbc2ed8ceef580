//! What can go wrong between us and a schema registry.

use contracts::avro::SchemaId;
use contracts::failure::Status;

use crate::http::HttpError;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    #[error("`{url}` is not the address of a schema registry: it must begin with http:// or https://")]
    Address { url: String },

    #[error(
        "the schema registry at {url} gave no answer in {tries} tries: {source}; is it running, and is the address right?"
    )]
    Unreachable { url: String, tries: usize, source: HttpError },

    #[error("the schema registry failed {tries} times at {url} with status {status}: {reason}; its log says more")]
    Failed { url: String, status: u16, reason: String, tries: usize },

    #[error("{url} answered {status}: these credentials are refused; check user and password file of the registry")]
    Denied { url: String, status: u16 },

    #[error(
        "{url} answered {status} and not as Confluent's API does; is this the API's base address, as in http://host:8081 or …/apis/ccompat/v7?"
    )]
    NotTheApi { url: String, status: u16 },

    #[error(
        "the registry takes no such version ({url}): {reason}; add fields with defaults only, or make a new record `_v2`"
    )]
    Incompatible { url: String, reason: String },

    #[error("the registry takes no such schema ({url}): {reason}")]
    Invalid { url: String, reason: String },

    #[error("the schema with the id {id} cannot be used: {reason}", id = id.0)]
    NotAvro { id: SchemaId, reason: String },
}

impl RegistryError {
    /// What a program ends with that ends by this.
    pub fn status(&self) -> Status {
        match self {
            Self::Address { .. } => Status::Usage,
            Self::Unreachable { .. } | Self::Failed { .. } | Self::NotTheApi { .. } => Status::CannotReach,
            Self::Denied { .. } | Self::Incompatible { .. } => Status::Refused,
            Self::Invalid { .. } | Self::NotAvro { .. } => Status::CheckFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scripts are written against these; docs/cli.md names them.
    #[test]
    fn what_failed_has_the_exit_status_that_the_manual_gives_it() {
        let (url, reason) = (|| "http://registry:8081".to_owned(), || "as told".to_owned());
        let cases = [
            (RegistryError::Address { url: url() }, Status::Usage),
            (RegistryError::Failed { url: url(), status: 500, reason: reason(), tries: 3 }, Status::CannotReach),
            (RegistryError::NotTheApi { url: url(), status: 404 }, Status::CannotReach),
            (RegistryError::Denied { url: url(), status: 401 }, Status::Refused),
            (RegistryError::Incompatible { url: url(), reason: reason() }, Status::Refused),
            (RegistryError::Invalid { url: url(), reason: reason() }, Status::CheckFailed),
        ];
        for (error, expected) in cases {
            assert_eq!(error.status(), expected, "{error}");
        }
    }
}
