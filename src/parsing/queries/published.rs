//! What the pipeline for several people returns.

use super::instances::{Claim, Found};
use super::people::People;
use crate::error::{Result, collected, reserved};
use crate::labels::LabelSet;
use crate::parsing::Instance;

/// What the pipeline returns: parts, then people, each by falling score.
pub(super) fn published(found: &Found, people: &People, label_set: LabelSet) -> Result<Vec<Instance>> {
    let by_score = |mut claims: Vec<usize>| {
        claims.sort_by(|&a, &b| found.claims[b].score.total_cmp(&found.claims[a].score));
        claims
    };
    let instance = |i: usize| {
        let Claim { query, class, score } = found.claims[i];
        Ok(Instance {
            class,
            label: label_set.names().get(class as usize).copied().unwrap_or("Human").into(),
            person: people.of(i),
            score,
            runs: collected(found.runs[&query].iter().copied(), "the masks")?,
        })
    };
    let (parts, humans) = (by_score(found.parts().collect()), by_score(found.humans().collect()));
    let mut instances = reserved(parts.len() + humans.len(), "the masks")?;
    for claim in parts.into_iter().chain(humans) {
        instances.push(instance(claim)?);
    }
    Ok(instances)
}
