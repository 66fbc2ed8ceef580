//! What rules mean, written to be obviously right: the payload is read whole, every rule is asked about every event, and
//! every condition is walked as it was written.

use contracts::avro::EventView;
use contracts::canonical::tolerant_text;
use contracts::json::{Mode, Value, parse};
use contracts::limits::JSON_DEPTH_MAX;
use detection::eval::{self, Comparison, Pattern, Work};
use detection::jsonpath::Path;
use detection::limits::GROUP_KEY_BYTES_MAX;
use detection::plan::{Hit, PlannedSubscription, Role};
use detection::rule::{
    Compare, Count, CountOf, Expr, Function, Operand, PayloadCondition, PayloadFilter, Rule, RuleSet, Step,
    Subscription, TopicPattern, Window,
};

/// The hits of one event, and the subscriptions that were asked about their rate; nothing if the payload is no JSON object.
pub fn hits(
    set: &RuleSet,
    added: &[PlannedSubscription],
    event: &EventView<'_>,
    is_limited: impl Fn(usize) -> bool,
) -> Option<(Vec<Hit>, Vec<usize>)> {
    let payload = parse(event.payload.as_bytes(), Mode::Tolerant, JSON_DEPTH_MAX).ok()?;
    payload.as_object()?;
    let rules: Vec<&Rule> = set.watchers.iter().flat_map(|watcher| &watcher.rules).collect();
    let subscriptions = set.watchers.iter().flat_map(|watcher| &watcher.subscriptions);
    let subscriptions: Vec<&Subscription> =
        subscriptions.chain(added.iter().map(|added| &added.subscription)).collect();

    let mut asked = Vec::new();
    let mut selecting: Vec<&Subscription> = Vec::new();
    for (place, subscription) in subscriptions.iter().enumerate() {
        let has_viewer = rules.iter().any(|rule| subscription.rules.contains(&rule.id) && sees(rule, event));
        if !has_viewer || !selects(subscription, event, &payload) {
            continue;
        }
        if subscription.events_per_sec_max.is_some() {
            asked.push(place);
            if is_limited(place) {
                continue;
            }
        }
        selecting.push(subscription);
    }

    let mut hits = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let is_named = subscriptions.iter().any(|subscription| subscription.rules.contains(&rule.id));
        let is_selected = selecting.iter().any(|subscription| subscription.rules.contains(&rule.id));
        if sees(rule, event)
            && (!is_named || is_selected)
            && let Some(role) = role(rule, event, &payload)
        {
            hits.push(Hit {
                rule: place,
                role,
                group_key: group_key(rule, event, &payload),
                values: counted(rule, &payload),
            });
        }
    }
    Some((hits, asked))
}

fn sees(rule: &Rule, event: &EventView<'_>) -> bool {
    let is_mark =
        event.endpoint_id == "_" && (event.event_type == "system.tick" || event.event_type == "system.control");
    let topic = rule.topics.is_empty() || rule.topics.iter().any(|pattern| pattern.matches(event.topic));
    let event_type = rule.event_types.is_empty() || rule.event_types.contains(&event.event_type.to_owned());
    let is_named = rule.topics.contains(&TopicPattern::Exact(event.topic.to_owned()))
        || rule.event_types.contains(&event.event_type.to_owned());
    let is_descendant = event.ancestry.iter().any(|ancestor| ancestor == rule.id.as_str());
    !is_mark && topic && event_type && (is_named || !event.is_watcher_generated) && !is_descendant
}

fn selects(subscription: &Subscription, event: &EventView<'_>, payload: &Value<'_>) -> bool {
    subscription.topic.matches(event.topic)
        && (subscription.actor_id.is_none() || subscription.actor_id.as_deref() == event.actor_id)
        && (subscription.session_id.is_none() || subscription.session_id.as_deref() == event.session_id)
        && (subscription.thread_id.is_none() || subscription.thread_id.as_deref() == event.thread_id)
        && subscription.payload_filters.iter().all(|filter| meets(filter, payload))
}

fn meets(filter: &PayloadFilter, payload: &Value<'_>) -> bool {
    let compare = |operator, literal: &Value<'static>| Expr::Compare {
        left: Operand::Path(filter.path.clone()),
        operator,
        right: Operand::Literal(literal.clone()),
    };
    let expr = match &filter.condition {
        PayloadCondition::Equals(literal) => compare(Compare::Equal, literal),
        PayloadCondition::Contains(literal) => compare(Compare::Contains, literal),
        PayloadCondition::GreaterThan(literal) => compare(Compare::Greater, literal),
        PayloadCondition::LessThan(literal) => compare(Compare::Less, literal),
        PayloadCondition::Regex(pattern) => {
            Expr::Matches { left: Operand::Path(filter.path.clone()), pattern: pattern.clone() }
        }
        PayloadCondition::Exists => Expr::Exists(filter.path.clone()),
    };
    holds(&expr, payload)
}

fn role(rule: &Rule, event: &EventView<'_>, payload: &Value<'_>) -> Option<Role> {
    if !rule.filter.as_ref().is_none_or(|filter| holds(filter, payload)) {
        return None;
    }
    let is = |step: &Step| {
        step.topic.matches(event.topic) && step.filter.as_ref().is_none_or(|filter| holds(filter, payload))
    };
    match windows(rule).first() {
        None | Some(Window::Count(_)) => Some(Role::Match),
        Some(Window::Sequence { steps, .. }) => {
            let steps: Vec<usize> = (0..steps.len()).filter(|&place| is(&steps[place])).collect();
            (!steps.is_empty()).then_some(Role::Steps(steps))
        }
        Some(Window::Absent { step, after, .. }) => {
            (is(step) || is(after)).then(|| Role::Absence { after: is(after), step: is(step) })
        }
    }
}

/// Window terms count as true: they stand only where all terms have to hold.
fn holds(expr: &Expr, payload: &Value<'_>) -> bool {
    let work = || Work::new(u64::MAX);
    match expr {
        Expr::And(items) => items.iter().all(|item| holds(item, payload)),
        Expr::Or(items) => items.iter().any(|item| holds(item, payload)),
        Expr::Not(item) => !holds(item, payload),
        Expr::Compare { left, operator, right } => pairs(left, right, payload).iter().any(|(left, right)| {
            let comparison = match operator {
                Compare::Contains => return eval::contains(left, right, &mut work()).unwrap(),
                Compare::Equal => Comparison::Equal,
                Compare::NotEqual => Comparison::NotEqual,
                Compare::Greater => Comparison::Greater,
                Compare::GreaterOrEqual => Comparison::GreaterOrEqual,
                Compare::Less => Comparison::Less,
                Compare::LessOrEqual => Comparison::LessOrEqual,
            };
            eval::compare(comparison, left, right, &mut work()).unwrap()
        }),
        Expr::Matches { left, pattern } => {
            let pattern = Pattern::parse(pattern).unwrap();
            values(left, payload).iter().any(|value| value.as_str().is_some_and(|text| pattern.regex().is_match(text)))
        }
        Expr::In { left, values: list } => values(left, payload)
            .iter()
            .any(|value| list.iter().any(|item| eval::equal(value, item, &mut work()).unwrap())),
        Expr::Exists(path) => !select(path, payload).is_empty(),
        Expr::Holds { function, args } => {
            let (eval::Function::Predicate(predicate), path) = call(*function, args) else { panic!("no condition") };
            select(path, payload).into_iter().any(|value| predicate.holds(value, &mut work()).unwrap())
        }
        Expr::Window(_) => true,
    }
}

fn pairs<'v>(left: &Operand, right: &Operand, payload: &'v Value<'v>) -> Vec<(Value<'v>, Value<'v>)> {
    let (lefts, rights) = (values(left, payload), values(right, payload));
    lefts.iter().flat_map(|left| rights.iter().map(move |right| (left.clone(), right.clone()))).collect()
}

fn values<'v>(operand: &Operand, payload: &'v Value<'v>) -> Vec<Value<'v>> {
    match operand {
        Operand::Literal(literal) => vec![literal.clone()],
        Operand::Path(path) => select(path, payload).into_iter().cloned().collect(),
        Operand::Call { function, args } => {
            let (eval::Function::Derivation(derivation), path) = call(*function, args) else { panic!("no value") };
            let of = |value| derivation.of(value, &mut Work::new(u64::MAX)).unwrap();
            select(path, payload).into_iter().filter_map(of).collect()
        }
    }
}

fn call(function: Function, args: &[Operand]) -> (eval::Function, &Path) {
    let [Operand::Path(path), rest @ ..] = args else { panic!("no path") };
    let literals: Vec<Value<'static>> = rest
        .iter()
        .map(|operand| match operand {
            Operand::Literal(literal) => literal.clone(),
            _ => panic!("no literal"),
        })
        .collect();
    let name = format!("{function:?}").to_lowercase();
    (eval::function(&name, &literals).unwrap(), path)
}

fn select<'v>(path: &Path, payload: &'v Value<'v>) -> Vec<&'v Value<'v>> {
    path.select(payload, &mut Work::new(u64::MAX)).unwrap()
}

fn windows(rule: &Rule) -> Vec<&Window> {
    fn collect<'r>(expr: &'r Expr, windows: &mut Vec<&'r Window>) {
        match expr {
            Expr::And(items) => items.iter().for_each(|item| collect(item, windows)),
            Expr::Window(window) => windows.push(window),
            _ => {}
        }
    }
    let mut windows = Vec::new();
    rule.filter.iter().for_each(|filter| collect(filter, &mut windows));
    windows
}

fn group_key(rule: &Rule, event: &EventView<'_>, payload: &Value<'_>) -> Option<String> {
    let by = match windows(rule).first() {
        None => &Vec::new(),
        Some(Window::Count(Count { by, .. }) | Window::Sequence { by, .. } | Window::Absent { by, .. }) => by,
    };
    let mut group = Vec::new();
    for path in rule.group_by.iter().chain(by) {
        group.push((*select(path, payload).first()?).clone());
    }
    if rule.scope.session {
        group.push(event.session_id?.into());
    }
    if rule.scope.thread {
        group.push(event.thread_id?.into());
    }
    let key = tolerant_text(&Value::Array(group)).into_string();
    (key.len() <= GROUP_KEY_BYTES_MAX).then_some(key)
}

fn counted(rule: &Rule, payload: &Value<'_>) -> Vec<Option<contracts::canonical::Digest>> {
    let distinct = windows(rule).into_iter().filter_map(|window| match window {
        Window::Count(Count { of: CountOf::Distinct(path), .. }) => Some(path),
        _ => None,
    });
    distinct.map(|path| Some(tolerant_text(select(path, payload).first()?).digest())).collect()
}
