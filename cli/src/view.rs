//! The read model: that of the process that has the log open, or one folded here from the topics.

use console::Client;
use console::follower::{FoldError, fold};
use console::model::{AlertFilter, Model, NoAlert};
use console::wire::view::{AlertDetail, Alerts, Rules, Stats, Subscriptions};

use crate::failure::Failure;
use crate::place::Place;
use crate::schemas::Schemas;
use crate::settled;

pub enum View {
    Served(Client),
    Folded(Box<Model>),
}

impl View {
    pub fn of(place: &Place, schemas: &Schemas) -> Result<Self, Failure> {
        match &place.api {
            Some(client) => Ok(Self::Served(client.clone())),
            None => Ok(Self::Folded(Box::new(fold(&*place.log, schemas).map_err(of_fold)?))),
        }
    }

    pub fn alerts(&self, filter: &AlertFilter) -> Result<Alerts, Failure> {
        match self {
            Self::Served(client) => Ok(client.alerts(filter)?),
            Self::Folded(model) => Ok(model.alerts(filter)),
        }
    }

    pub fn alert(&self, beginning: &str) -> Result<AlertDetail, Failure> {
        if beginning.is_empty() {
            return Err(NoAlert::Unknown { beginning: String::new() }.into());
        }
        match self {
            Self::Served(client) => Ok(client.alert(beginning)?),
            Self::Folded(model) => Ok(model.alert(beginning)?),
        }
    }

    pub fn rules(&self) -> Result<Rules, Failure> {
        match self {
            Self::Served(client) => Ok(client.rules()?),
            Self::Folded(model) => Ok(model.rules(settled::now())),
        }
    }

    pub fn subscriptions(&self) -> Result<Subscriptions, Failure> {
        match self {
            Self::Served(client) => Ok(client.subscriptions()?),
            Self::Folded(model) => Ok(model.subscriptions()),
        }
    }

    pub fn stats(&self) -> Result<Stats, Failure> {
        match self {
            Self::Served(client) => Ok(client.stats()?),
            Self::Folded(model) => Ok(model.stats()),
        }
    }
}

fn of_fold(error: FoldError) -> Failure {
    match error {
        FoldError::Log(error) => error.into(),
        FoldError::Schema(error) => Failure::SchemaUnavailable(error),
    }
}
