use contracts::avro::EventView;
use contracts::field::NotAJsonObject;

use super::{Matched, Plan, Scratch};

pub(super) fn matching<'e>(
    _plan: &Plan,
    _event: &EventView<'e>,
    _scratch: &mut Scratch,
    _limited: &mut dyn FnMut(usize) -> bool,
) -> Result<Matched<'e>, NotAJsonObject> {
    todo!()
}
