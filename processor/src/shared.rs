//! What the applying thread and the publishing thread have in common.

use std::sync::Arc;

use bus::Bus;

use crate::Settings;
use crate::checkpoint::Place;
use crate::core::Cores;
use crate::failpoint::Failpoints;
use crate::metrics::Figures;
use crate::ownership::Ownership;
use crate::store::Store;

#[derive(Debug)]
pub(crate) struct Shared {
    pub bus: Arc<dyn Bus>,
    pub settings: Settings,
    pub cores: Arc<dyn Cores>,
    pub store: Store,
    pub ownership: Ownership,
    pub failpoints: Failpoints,
    pub figures: Figures,
    /// Where checkpoints go, if the settings say so.
    pub checkpoints: Option<Arc<dyn Place>>,
}
