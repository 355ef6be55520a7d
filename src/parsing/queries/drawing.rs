//! Instances -> which of them each pixel shows, and whose it is.

use rayon::prelude::*;

use super::instances::Found;
use super::masks::MaskRows;
use super::outputs::Queries;
use super::people::{Owner, People};
use crate::error::{Result, collected, filled};
use crate::labels::LabelSet;
use crate::palette::DrawingOrder;
use crate::parsing::bands::BAND;
use crate::stop;

/// Maps in the photo's size.
pub(super) struct Drawn {
    /// 1 + index of the claim that each pixel shows; 0 for none.
    pub winners: Vec<u8>,
    /// The person of each pixel.
    pub people: Vec<u16>,
}

/// Draws all parts. Where several have a pixel, those of the person seen there come
/// before those of others, then the class on top by the drawing order, then the
/// higher score.
pub(super) fn draw(queries: &Queries, found: &Found, people: &People, label_set: LabelSet) -> Result<Drawn> {
    let (width, height) = queries.grid.photo();
    let order = DrawingOrder::of(label_set);
    let mut parts: Vec<usize> = found.parts().collect();
    parts.sort_by(|&a, &b| {
        let (a, b) = (&found.claims[a], &found.claims[b]);
        order.rank(a.class).cmp(&order.rank(b.class)).then(a.score.total_cmp(&b.score))
    });
    let mut winners = filled(0u8, width * height, "the label map")?;
    let mut persons = filled(0u16, width * height, "the people map")?;
    let bands = winners.par_chunks_mut(BAND * width).zip(persons.par_chunks_mut(BAND * width)).enumerate();
    let stop = stop::current();
    bands.try_for_each(|(band, (winners, persons))| {
        if stop.is_asked() {
            return Ok(());
        }
        let rows = |&claim: &usize| MaskRows::new(queries.mask(found.claims[claim].query), &queries.grid);
        let mut humans = collected(people.humans.iter().map(rows), "the people map")?;
        let mut part_rows = collected(parts.iter().map(rows), "the label map")?;
        let mut line = vec![];
        let mut seen = filled((0.0f32, 0u16), width, "the people map")?;
        let mut best = filled(0usize, width, "the label map")?;
        let lines = winners.chunks_exact_mut(width).zip(persons.chunks_exact_mut(width));
        for (y, (winners, persons)) in (band * BAND..).zip(lines) {
            seen.fill((0.0, 0));
            for (person, rows) in (1..).zip(&mut humans) {
                rows.row(y, &mut line)?;
                for (seen, &logit) in seen.iter_mut().zip(&line) {
                    if logit > seen.0 {
                        *seen = (logit, person);
                    }
                }
            }
            persons.iter_mut().zip(&seen).for_each(|(person, seen)| *person = seen.1);
            best.fill(0);
            for (height, (&claim, rows)) in (1..).zip(parts.iter().zip(&mut part_rows)) {
                rows.row(y, &mut line)?;
                let owner = people.owner(claim);
                let pixels = line.iter().zip(&seen).zip(&mut best).zip(&mut *winners).zip(&mut *persons);
                for ((((&logit, &(_, seen)), best), winner), person) in pixels {
                    if logit <= 0.0 {
                        continue;
                    }
                    let (owner, at_home) = match owner {
                        Owner::One(owner) => (owner, owner == seen && seen != 0),
                        Owner::Several(most) => (if seen != 0 { seen } else { most }, seen != 0),
                    };
                    let rank = if at_home { parts.len() + height } else { height };
                    if rank > *best {
                        (*best, *winner, *person) = (rank, claim as u8 + 1, owner);
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(Drawn { winners, people: persons })
}
