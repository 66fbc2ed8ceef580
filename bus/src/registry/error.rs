//! What can go wrong between us and a schema registry.

use contracts::avro::SchemaId;

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
