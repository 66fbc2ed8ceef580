use contracts::json::Object;

use super::Plan;

pub(super) fn text(_plan: &Plan) -> String {
    todo!()
}

pub(super) fn json(_plan: &Plan) -> Object<'_> {
    todo!()
}
