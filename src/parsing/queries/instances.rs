//! Queries -> the instances that count, with their scores.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::masks::MaskRows;
use super::outputs::{Queries, sigmoid};
use crate::error::{Code, Error, Result, filled, reserved};
use crate::stop;

/// Pairs of a query and a class that are looked at, those of the highest probability.
const MOST_PAIRS: usize = 100;

/// Score from which a part counts, and above which a person does.
pub(super) const LOWEST_SCORE: f32 = 0.1;

/// Collects the runs of a mask.
#[derive(Default)]
pub(super) struct Runs {
    runs: Vec<u32>,
    length: u32,
    inside: bool,
}

impl Runs {
    pub fn extend(&mut self, pixels: impl ExactSizeIterator<Item = bool>) -> Result<()> {
        self.runs.try_reserve(pixels.len() + 1).map_err(|_| {
            Error::new(Code::OutOfMemory, "there is no memory for the masks; use a smaller photo")
        })?;
        for inside in pixels {
            if inside != self.inside {
                self.runs.push(self.length);
                (self.length, self.inside) = (0, inside);
            }
            self.length += 1;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Vec<u32>> {
        let mut runs = reserved(self.runs.len() + 1, "the masks")?;
        runs.extend_from_slice(&self.runs);
        runs.push(self.length);
        Ok(runs)
    }
}

/// A query taken for an instance of a class.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    pub query: usize,
    pub class: u8,
    pub score: f32,
}

/// The claims of one pass.
pub(super) struct Found {
    /// Of all classes, by falling probability; at most [`MOST_PAIRS`].
    pub claims: Vec<Claim>,
    /// Masks of the queries among them.
    pub runs: BTreeMap<usize, Vec<u32>>,
    /// The class "Human".
    human: u8,
}

impl Found {
    /// `human` is the class "Human". No mask has a mean above 1, so that pairs whose
    /// probability is below the lowest score are out before any mask is stretched.
    pub fn new(queries: &Queries, human: usize) -> Result<Found> {
        let mut pairs = reserved(queries.probabilities.len(), "the classes of the queries")?;
        pairs.extend(queries.probabilities.indexed_iter().map(|(pair, &probability)| (pair, probability)));
        pairs.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        pairs.truncate(MOST_PAIRS);
        pairs.retain(|&(_, probability)| probability >= LOWEST_SCORE);
        let mut used: Vec<usize> = pairs.iter().map(|&((query, _), _)| query).collect();
        used.sort_unstable();
        used.dedup();
        let mut masks = filled((0.0, vec![]), used.len(), "the masks")?;
        let stop = stop::current();
        used.par_iter().zip(&mut masks).try_for_each(|(&query, mask)| {
            if !stop.is_asked() {
                *mask = measured(queries, query)?;
            }
            Ok(())
        })?;
        stop::check()?;
        let means: BTreeMap<usize, f32> =
            used.iter().zip(&masks).map(|(&query, &(mean, _))| (query, mean)).collect();
        let claim = |&((query, class), probability): &((usize, usize), f32)| Claim {
            query,
            class: class as u8,
            score: probability * means[&query],
        };
        let claims = pairs.iter().map(claim).collect();
        let runs = used.into_iter().zip(masks).map(|(query, (_, runs))| (query, runs)).collect();
        Ok(Found { claims, runs, human: human as u8 })
    }

    /// Indices of the claims that are parts of people.
    pub fn parts(&self) -> impl Iterator<Item = usize> + '_ {
        let is_part =
            |claim: &Claim| claim.class != 0 && claim.class != self.human && claim.score >= LOWEST_SCORE;
        (0..self.claims.len()).filter(move |&i| is_part(&self.claims[i]))
    }

    /// Indices of the claims that are whole people.
    pub fn humans(&self) -> impl Iterator<Item = usize> + '_ {
        let is_human = |claim: &Claim| claim.class == self.human && claim.score > LOWEST_SCORE;
        (0..self.claims.len()).filter(move |&i| is_human(&self.claims[i]))
    }

    /// Indices of the claims that are background or parts, from a score of `lowest`, by rising score.
    pub fn classes(&self, lowest: f32) -> Vec<usize> {
        let counts = |claim: &Claim| claim.class != self.human && claim.score >= lowest;
        let mut found: Vec<usize> = (0..self.claims.len()).filter(|&i| counts(&self.claims[i])).collect();
        found.sort_by(|&a, &b| self.claims[a].score.total_cmp(&self.claims[b].score));
        found
    }

    /// The class of a winner: 1 + index of a claim, or 0 for the background.
    pub fn winner_class(&self, winner: u8) -> u8 {
        winner.checked_sub(1).map_or(0, |claim| self.claims[claim as usize].class)
    }

    /// The score of a winner, 0 for none.
    pub fn winner_score(&self, winner: u8) -> f32 {
        winner.checked_sub(1).map_or(0.0, |claim| self.claims[claim as usize].score)
    }
}

/// The mean probability of a mask's pixels, and the mask.
fn measured(queries: &Queries, query: usize) -> Result<(f32, Vec<u32>)> {
    let (mut rows, mut line) = (MaskRows::new(queries.mask(query), &queries.grid), vec![]);
    let (mut sum, mut count, mut runs) = (0.0f64, 0u64, Runs::default());
    for y in 0..queries.grid.photo().1 {
        rows.row(y, &mut line)?;
        for &logit in line.iter().filter(|&&logit| logit > 0.0) {
            sum += sigmoid(logit) as f64;
            count += 1;
        }
        runs.extend(line.iter().map(|&logit| logit > 0.0))?;
    }
    Ok((sum as f32 / (count as f32 + 1e-6), runs.finish()?))
}
