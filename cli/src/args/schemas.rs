//! Words of `tripline schemas`.

use clap::{Args, Subcommand};

pub(super) const SCHEMAS_EXAMPLES: &str = "\
Examples:
  tripline schemas show telemetry_event_v1
  tripline schemas check --registry http://registry:8081
  tripline schemas publish --registry http://registry:8081";

#[derive(Debug, Subcommand)]
pub enum Schemas {
    /// Check every schema against its released versions, and against a registry if there is one
    #[command(after_help = "\
Examples:
  tripline schemas check
  tripline schemas check --registry http://registry:8081")]
    Check(RegistryPlace),
    /// Publish every schema to the registry, under the subject of each topic that carries it
    #[command(after_help = "Examples:\n  tripline schemas publish --registry http://registry:8081")]
    Publish(RegistryPlace),
    /// List the records, or show the Avro schema of one
    #[command(after_help = "\
Examples:
  tripline schemas show
  tripline schemas show telemetry_event_v1 > telemetry_event_v1.avsc")]
    Show(SchemasShow),
}

#[derive(Debug, Args)]
pub struct RegistryPlace {
    /// The schema registry (Confluent API), such as http://127.0.0.1:8081
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
}

#[derive(Debug, Args)]
pub struct SchemasShow {
    /// The record, such as telemetry_event_v1
    pub record: Option<String>,
}
