//! Label map -> its patches: a patch is what hangs together of one class, a figure
//! what hangs together of all classes but the background.
//!
//! Both are put together from runs of pixels of one class in a row.

use std::cmp::Reverse;
use std::ops::Range;

use super::draft::Probability;
use crate::error::{Result, collected, filled, push, reserved};
use crate::limits::MAX_PEOPLE;
use crate::parsing::equal_run::equal_run;

const _: () = assert!(MAX_PEOPLE <= u8::MAX as usize);

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "the patches of the label map";

/// The patches of a label map. Each is known by the index of its first run.
pub(super) struct Patches {
    runs: Vec<Run>,
    /// Those of each row.
    rows: Vec<Range<usize>>,
    /// The patch of each run.
    patches: Vec<u32>,
    /// The first run of each one's figure; that of the background means nothing.
    figures: Vec<u32>,
    /// Pixels of each patch and each figure, at its first run.
    areas: Vec<u32>,
    figure_areas: Vec<u32>,
}

struct Run {
    start: u32,
    end: u32,
    class: u8,
}

/// A patch with the larger ones that it touches and with its pixels: row and columns.
pub(super) struct Small {
    pub patch: u32,
    pub around: Vec<u32>,
    pub lines: Vec<(usize, Range<usize>)>,
}

impl Patches {
    /// The patches of a label map. Pixels touch across edges and corners, those of the background across edges only.
    pub fn new(labels: &[u8], width: usize) -> Result<Patches> {
        let borders = |row: &[u8]| row.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let count = labels.chunks_exact(width).map(|row| borders(row) + 1).sum();
        let mut runs = reserved(count, PURPOSE)?;
        let mut rows = reserved(labels.len() / width, PURPOSE)?;
        for row in labels.chunks_exact(width) {
            let (first, mut end) = (runs.len(), 0);
            while end < width {
                let start = end;
                end += equal_run(&row[start..]);
                runs.push(Run { start: start as u32, end: end as u32, class: row[start] });
            }
            rows.push(first..runs.len());
        }
        let each = || collected((0..count).map(|run| run as u32), PURPOSE);
        let (mut patches, mut figures) = (each()?, each()?);
        touching(&runs, &rows, |one, other, across_edge| {
            let (a, b) = (runs[one].class, runs[other].class);
            if a != 0 && b != 0 {
                join(&mut figures, one, other);
            }
            if a == b && (a != 0 || across_edge) {
                join(&mut patches, one, other);
            }
        });
        let [areas, figure_areas] = [settled(&runs, &mut patches)?, settled(&runs, &mut figures)?];
        Ok(Patches { runs, rows, patches, figures, areas, figure_areas })
    }

    /// The patches of what people have of two classes, taken for one; their classes are the people's ids. With them
    /// the list of those that are somebody's.
    pub fn of_people(
        labels: &[u8],
        people: &[u16],
        width: usize,
        classes: [u8; 2],
    ) -> Result<(Vec<u32>, Patches)> {
        let mut map = filled(0, labels.len(), PURPOSE)?;
        for ((of_person, class), &person) in map.iter_mut().zip(labels).zip(people) {
            if classes.contains(class) {
                *of_person = person as u8;
            }
        }
        let patches = Patches::new(&map, width)?;
        let mut somebodys = vec![];
        for patch in patches.all().filter(|&patch| patches.class(patch) != 0) {
            push(&mut somebodys, patch, PURPOSE)?;
        }
        Ok((somebodys, patches))
    }

    /// All patches, in the order of their first pixels.
    fn all(&self) -> impl Iterator<Item = u32> {
        self.patches
            .iter()
            .enumerate()
            .filter(|&(run, &patch)| run == patch as usize)
            .map(|(_, &patch)| patch)
    }

    /// The pixels of a patch: row and columns.
    pub fn lines(&self, patch: u32) -> impl Iterator<Item = (usize, Range<usize>)> {
        self.rows.iter().enumerate().flat_map(move |(y, row)| {
            let of_patch = row.clone().filter(move |&run| self.patches[run] == patch);
            of_patch.map(move |run| (y, self.runs[run].start as usize..self.runs[run].end as usize))
        })
    }

    /// The sum over a patch's pixels of the probability of a class.
    pub fn sum(&self, patch: u32, class: u8, probability: &mut Probability) -> f64 {
        let mut sum = 0.0;
        self.lines(patch).for_each(|(y, columns)| probability(y, columns, class, &mut sum));
        sum
    }

    /// Gives the pixels of a patch a class in a label map of the same size.
    pub fn fill(&self, patch: u32, class: u8, labels: &mut [u8]) {
        let width = self.width();
        self.lines(patch).for_each(|(y, columns)| labels[y * width..][columns].fill(class));
    }

    fn width(&self) -> usize {
        self.runs[self.rows[0].end - 1].end as usize
    }

    pub fn class(&self, patch: u32) -> u8 {
        self.runs[patch as usize].class
    }

    /// Lets a patch be of another class; what it touches stays other patches.
    pub fn set_class(&mut self, patch: u32, class: u8) {
        self.runs[patch as usize].class = class;
    }

    /// Pixels of a patch.
    pub fn area(&self, patch: u32) -> u32 {
        self.areas[patch as usize]
    }

    /// The first pixel of a patch.
    pub fn first_pixel(&self, patch: u32) -> usize {
        let row = self.rows.partition_point(|row| row.end <= patch as usize);
        row * self.width() + self.runs[patch as usize].start as usize
    }

    /// Pixels of the figure that a patch, not one of the background, is part of.
    pub fn figure_area(&self, patch: u32) -> u32 {
        self.figure_areas[self.figures[patch as usize] as usize]
    }

    /// Pixels of the largest figure.
    pub fn largest_figure(&self) -> u32 {
        let areas = self.runs.iter().zip(&self.figure_areas);
        areas.filter(|(run, _)| run.class != 0).map(|(_, &area)| area).max().unwrap_or(0)
    }

    /// The patches of at most `most` pixels that touch larger ones, the largest first. Of two of one size the first
    /// counts as larger.
    pub fn small(&self, most: u32) -> Result<Vec<Small>> {
        // Pairs of a small patch and one around it: three for a step of `touching`, one for each pair in a row.
        let mut around: Vec<(u32, u32)> = reserved(4 * self.runs.len(), PURPOSE)?;
        touching(&self.runs, &self.rows, |one, other, _| {
            let (a, b) = (self.patches[one], self.patches[other]);
            let pair = if self.rank(a) < self.rank(b) { (b, a) } else { (a, b) };
            if a != b && self.area(pair.0) <= most && around.last() != Some(&pair) {
                around.push(pair);
            }
        });
        around.sort_unstable();
        around.dedup();
        let mut small: Vec<Small> = vec![];
        for pairs in around.chunk_by(|a, b| a.0 == b.0) {
            let around = collected(pairs.iter().map(|pair| pair.1), PURPOSE)?;
            push(&mut small, Small { patch: pairs[0].0, around, lines: vec![] }, PURPOSE)?;
        }
        for (y, row) in self.rows.iter().enumerate() {
            for (run, patch) in self.runs[row.clone()].iter().zip(&self.patches[row.clone()]) {
                if self.area(*patch) <= most
                    && let Ok(at) = small.binary_search_by_key(patch, |small| small.patch)
                {
                    let line = (y, run.start as usize..run.end as usize);
                    push(&mut small[at].lines, line, PURPOSE)?;
                }
            }
        }
        small.sort_unstable_by_key(|small| self.rank(small.patch));
        Ok(small)
    }

    /// What orders patches from the largest to the smallest.
    fn rank(&self, patch: u32) -> (Reverse<u32>, u32) {
        (Reverse(self.area(patch)), patch)
    }
}

/// Tells all pairs of runs that touch, and whether they do so across an edge.
fn touching(runs: &[Run], rows: &[Range<usize>], mut tell: impl FnMut(usize, usize, bool)) {
    for row in rows {
        (row.start + 1..row.end).for_each(|next| tell(next - 1, next, true));
    }
    for pair in rows.windows(2) {
        let (mut above, mut below) = (pair[0].start, pair[1].start);
        while above < pair[0].end && below < pair[1].end {
            tell(above, below, true);
            let (a, b) = (runs[above].end, runs[below].end);
            if a == b && above + 1 < pair[0].end {
                tell(above + 1, below, false);
                tell(above, below + 1, false);
            }
            above += (a <= b) as usize;
            below += (b <= a) as usize;
        }
    }
}

/// Joins the sets of two runs. Each run points to an earlier one of its set, the first to itself.
fn join(sets: &mut [u32], one: usize, other: usize) {
    let mut first = |mut at: usize| {
        while sets[at] as usize != at {
            sets[at] = sets[sets[at] as usize];
            at = sets[at] as usize;
        }
        at
    };
    let (a, b) = (first(one), first(other));
    sets[a.max(b)] = a.min(b) as u32;
}

/// Lets every run point to the first of its set, and counts the pixels of each set, at its first run.
fn settled(runs: &[Run], sets: &mut [u32]) -> Result<Vec<u32>> {
    let mut areas = filled(0, runs.len(), PURPOSE)?;
    for (at, run) in runs.iter().enumerate() {
        sets[at] = sets[sets[at] as usize];
        areas[sets[at] as usize] += run.end - run.start;
    }
    Ok(areas)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A label map from rows of digits.
    fn map<const N: usize>(rows: [&str; N]) -> (Vec<u8>, usize) {
        (rows.concat().bytes().map(|digit| digit - b'0').collect(), rows[0].len())
    }

    #[test]
    fn corners_join_all_but_the_background() {
        let (labels, width) = map(["1002", "0120", "0010"]);
        let patches = Patches::new(&labels, width).unwrap();
        let areas: Vec<(u8, u32)> =
            patches.all().map(|patch| (patches.class(patch), patches.area(patch))).collect();
        assert_eq!(areas, [(1, 3), (0, 2), (2, 2), (0, 3), (0, 2)]);
        assert_eq!(patches.largest_figure(), 5);
        assert_eq!(patches.figure_area(0), 5);
        let firsts = [0, 1, 2, 3].map(|run| patches.first_pixel(run));
        assert_eq!(firsts, [0, 1, 3, 4]);
        assert_eq!(patches.lines(0).collect::<Vec<_>>(), [(0, 0..1), (1, 1..2), (2, 2..3)]);
    }

    #[test]
    fn small_patches_know_what_is_larger_around_them() {
        let (labels, width) = map(["555556", "575566", "555588"]);
        let patches = Patches::new(&labels, width).unwrap();
        let small = patches.small(3).unwrap();
        let found: Vec<(u8, Vec<u8>)> = small
            .iter()
            .map(|small| {
                (patches.class(small.patch), small.around.iter().map(|&other| patches.class(other)).collect())
            })
            .collect();
        assert_eq!(found, [(6, vec![5]), (8, vec![5, 6]), (7, vec![5])]);
        assert_eq!(small[0].lines, [(0, 5..6), (1, 4..6)]);
    }

    /// Against a flood fill, on noise.
    #[test]
    fn patches_are_those_of_a_flood_fill() {
        let (width, height) = (37, 23);
        let mut state = 11u32;
        let labels: Vec<u8> = (0..width * height)
            .map(|_| {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                (state >> 30) as u8 % 3
            })
            .collect();
        let patches = Patches::new(&labels, width).unwrap();
        assert!(
            (0..patches.runs.len() as u32).all(|run| labels[patches.first_pixel(run)] == patches.class(run))
        );
        let mut patch_of = vec![];
        for (run, &patch) in patches.runs.iter().zip(&patches.patches) {
            patch_of.extend((run.start..run.end).map(|_| patch));
        }
        let mut seen = vec![false; labels.len()];
        let mut count = 0;
        for start in 0..labels.len() {
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            count += 1;
            let (mut open, mut area) = (vec![start], 0);
            while let Some(at) = open.pop() {
                area += 1;
                assert_eq!(patch_of[at], patch_of[start]);
                let (x, y) = (at % width, at / width);
                for (dx, dy) in (0..9).map(|i| (i % 3, i / 3)) {
                    let (nx, ny) = (x + dx, y + dy);
                    let corner = dx != 1 && dy != 1;
                    if !(1..=width).contains(&nx)
                        || !(1..=height).contains(&ny)
                        || corner && labels[start] == 0
                    {
                        continue;
                    }
                    let next = (ny - 1) * width + nx - 1;
                    if labels[next] == labels[start] && !std::mem::replace(&mut seen[next], true) {
                        open.push(next);
                    }
                }
            }
            assert_eq!(patches.area(patch_of[start]), area);
        }
        assert!(count > 100);
        patch_of.sort_unstable();
        patch_of.dedup();
        assert_eq!(patch_of.len(), count);
    }
}
