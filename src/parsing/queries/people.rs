//! The person of each part: the published pipeline returns parts and whole people
//! side by side and leaves open whose part is whose.
//!
//! Overlaps are counted on the cells of the network's own masks.

use ndarray::{ArrayView2, s};

use super::instances::Found;
use super::outputs::Queries;
use crate::error::{Result, filled};
use crate::limits::MAX_PEOPLE;
use crate::parsing::logits::{content_columns, content_rows};

/// Intersection over union from which two whole people are one.
const DOUBLE: f32 = 0.5;

/// Of a part's cells that are somebody's, how many must be one person's for the whole part to be.
const ONE_OWNER: f32 = 0.8;

/// The people of a photo.
pub(super) struct People {
    /// Their claims; the first is person 1. They are numbered from left to right.
    pub humans: Vec<usize>,
    /// For each claim.
    owners: Vec<Owner>,
}

/// Whose the pixels of an instance are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Owner {
    /// One person's; 0 is nobody.
    One(u16),
    /// Each pixel is of the person seen there, and this one's where there is none.
    Several(u16),
}

impl People {
    pub fn new(queries: &Queries, found: &Found) -> Result<People> {
        let masks = Masks { queries, found };
        let humans = masks.told_apart();
        let person_of_cell = masks.person_of_cell(&humans)?;
        let mut owners = vec![Owner::One(0); found.claims.len()];
        for part in found.parts() {
            let mut cells = vec![0usize; humans.len() + 1];
            let inside =
                masks.cells(part).into_iter().zip(&person_of_cell).filter(|&(&logit, _)| logit > 0.0);
            inside.for_each(|(_, &(_, person))| cells[person as usize] += 1);
            owners[part] = owner(&cells);
        }
        for human in found.humans() {
            // Doubles belong to whom they double.
            let overlaps = humans.iter().map(|&other| masks.overlap(human, other));
            let best = (1..).zip(overlaps).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
            owners[human] = Owner::One(best.map_or(0, |(person, _)| person));
        }
        Ok(People { humans, owners })
    }

    pub fn owner(&self, claim: usize) -> Owner {
        self.owners[claim]
    }

    /// The person a claim belongs to, or belongs to most.
    pub fn of(&self, claim: usize) -> u16 {
        match self.owners[claim] {
            Owner::One(person) | Owner::Several(person) => person,
        }
    }
}

/// The owner of a part, by its cells of nobody, person 1, person 2, ...
fn owner(cells: &[usize]) -> Owner {
    let most = (1..cells.len()).max_by_key(|&person| (cells[person], usize::MAX - person));
    match most {
        Some(person) if cells[person] > 0 => {
            let somebodys: usize = cells[1..].iter().sum();
            let person_cells = cells[person] as f32;
            if person_cells >= ONE_OWNER * somebodys as f32 {
                Owner::One(person as u16)
            } else {
                Owner::Several(person as u16)
            }
        }
        _ => Owner::One(0),
    }
}

struct Masks<'a, 'b> {
    queries: &'a Queries<'b>,
    found: &'a Found,
}

impl Masks<'_, '_> {
    /// The mask logits of a claim over the photo.
    fn cells(&self, claim: usize) -> ArrayView2<'_, f32> {
        let mask = self.queries.mask(self.found.claims[claim].query);
        let (height, width) = mask.dim();
        let placement = self.queries.placement;
        mask.slice_move(s![content_rows(placement, height), content_columns(placement, width)])
    }

    /// Intersection over union.
    fn overlap(&self, a: usize, b: usize) -> f32 {
        let (mut both, mut either) = (0usize, 0usize);
        for (&a, &b) in self.cells(a).into_iter().zip(self.cells(b)) {
            both += (a > 0.0 && b > 0.0) as usize;
            either += (a > 0.0 || b > 0.0) as usize;
        }
        both as f32 / either.max(1) as f32
    }

    /// The whole people without doubles, which are the weaker ones, from left to right.
    fn told_apart(&self) -> Vec<usize> {
        let mut humans: Vec<usize> = self.found.humans().collect();
        humans.sort_by(|&a, &b| self.found.claims[b].score.total_cmp(&self.found.claims[a].score));
        let mut kept: Vec<usize> = vec![];
        for human in humans {
            if kept.len() < MAX_PEOPLE && kept.iter().all(|&other| self.overlap(human, other) < DOUBLE) {
                kept.push(human);
            }
        }
        kept.sort_by(|&a, &b| self.middle(a).total_cmp(&self.middle(b)));
        kept
    }

    /// The mean column of a mask, counted in the photo.
    fn middle(&self, claim: usize) -> f32 {
        let inside = self.cells(claim).into_iter().enumerate().filter(|&(_, &logit)| logit > 0.0);
        let columns = self.cells(claim).ncols();
        let (sum, count) = inside.fold((0, 0usize), |(sum, count), (at, _)| (sum + at % columns, count + 1));
        let middle = sum as f32 / count.max(1) as f32;
        if self.queries.placement.mirrored { columns as f32 - middle } else { middle }
    }

    /// The person of each cell, after its logit: of those whose mask has it, the one whose logit is largest.
    fn person_of_cell(&self, humans: &[usize]) -> Result<Vec<(f32, u16)>> {
        let cells = humans.iter().map(|&human| self.cells(human));
        let mut best = filled((0.0f32, 0u16), self.cells_in_all(), "the people map")?;
        for (person, cells) in (1..).zip(cells) {
            for (best, &logit) in best.iter_mut().zip(cells) {
                if logit > best.0 {
                    *best = (logit, person);
                }
            }
        }
        Ok(best)
    }

    fn cells_in_all(&self) -> usize {
        let (_, height, width) = self.queries.masks.dim();
        let placement = self.queries.placement;
        content_rows(placement, height).len() * content_columns(placement, width).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_one_persons_who_has_most_of_it() {
        assert_eq!(owner(&[7]), Owner::One(0));
        assert_eq!(owner(&[7, 0, 0]), Owner::One(0));
        assert_eq!(owner(&[100, 0, 3]), Owner::One(2));
        assert_eq!(owner(&[0, 80, 20]), Owner::One(1));
        assert_eq!(owner(&[0, 79, 21]), Owner::Several(1));
        assert_eq!(owner(&[0, 10, 10]), Owner::Several(1));
    }
}
