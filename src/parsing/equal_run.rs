//! Runs of equal values.

/// How many values are as the first, one after another.
pub(super) fn equal_run<T: Copy + PartialEq>(values: &[T]) -> usize {
    const CHUNK: usize = 16;
    let (chunks, _) = values.as_chunks::<CHUNK>();
    let same = CHUNK * chunks.iter().take_while(|&&chunk| chunk == [values[0]; CHUNK]).count();
    same + values[same..].iter().take_while(|&&value| value == values[0]).count()
}
