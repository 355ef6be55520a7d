//! Every cap in one place. Input beyond a cap is refused with an error before
//! memory is taken for it.

/// Largest photo file, in bytes (64 MiB).
pub const MAX_PHOTO_BYTES: usize = 64 << 20;

/// Most pixels of a photo: those of phones with 50 megapixels, 8192 x 6144. They are 201 MB of
/// RGBA; decoding takes up to 600 MB, for a progressive JPEG of CMYK.
pub const MAX_PHOTO_PIXELS: u64 = 8_192 * 6_144;

/// Longest side of a photo, in pixels.
pub const MAX_PHOTO_SIDE: u32 = 16_384;

/// Most scans of a JPEG: every one goes over the whole picture.
pub const MAX_SCANS: usize = 100;

/// Largest colour profile of a photo, in bytes when unpacked (4 MiB); a larger one is ignored.
pub const MAX_PROFILE_BYTES: usize = 4 << 20;

/// Largest model card, in bytes.
pub const MAX_CARD_BYTES: usize = 64 << 10;

/// Largest model file, in bytes (1 GiB).
pub const MAX_MODEL_BYTES: u64 = 1 << 30;

/// Most files of a model: the parts that it is downloaded in.
pub const MAX_MODEL_FILES: usize = 1_024;

/// Largest part of a model that is split for download, in bytes (20 MB).
pub const MAX_PART_BYTES: u64 = 20_000_000;

/// Largest network without weights, in bytes (16 MiB).
pub const MAX_TEMPLATE_BYTES: u64 = 16 << 20;

/// Largest file of an export that is read back, in bytes (1 GiB).
pub const MAX_EXPORT_BYTES: u64 = 1 << 30;

/// Largest list of photos, in bytes (1 GiB: some ten million paths).
pub const MAX_LIST_BYTES: u64 = 1 << 30;

/// Largest record of what was written of a photo, in bytes (16 MiB).
pub const MAX_RECORD_BYTES: u64 = 16 << 20;

/// Largest part of a form beside the photo, in bytes (64 KiB).
pub const MAX_FORM_BYTES: usize = 64 << 10;

/// Requests with photos that the service holds beside those it parses; each may
/// take the memory of the largest photo file. Others are told to come again.
pub const MAX_WAITING_REQUESTS: usize = 4;

/// Connections that the service holds open.
pub const MAX_CONNECTIONS: usize = 256;

/// Longest side of a network input, in pixels.
pub const MAX_INPUT_SIDE: u32 = 2_048;

/// Most settings of a model card.
pub const MAX_SETTINGS: usize = 8;

/// Most passes of a setting.
pub const MAX_PASSES: usize = 8;

/// Most people told apart in a photo; the weakest centres beyond it are left out.
pub const MAX_PEOPLE: usize = 64;

/// Smallest person, as a part of the photo's pixels; whoever has less is
/// taken for a piece of the nearest other.
pub const MIN_PERSON_SHARE: f64 = 0.0005;

/// Most classes of a label set; label maps store a class in one byte.
pub const MAX_CLASSES: usize = 255;

/// Most int8 weights that are kept as floats as well (64 MiB of them); a larger
/// model saves memory and expands them for each plan.
pub const MAX_EXPANDED_WEIGHTS: usize = 16 << 20;

/// Input sizes for which an optimised plan of the network is kept.
pub const MAX_PLANS: usize = 8;

/// Most bytes of weights that are kept beside the plans (64 MiB); a larger model is read
/// again for photos that need another input size.
pub const MAX_KEPT_WEIGHTS: usize = 64 << 20;

/// Most bytes of weights in all plans, if there is more than one (256 MiB).
pub const MAX_PLAN_BYTES: usize = 256 << 20;

/// Largest index of a checkpoint and largest directory of its archive, in bytes (16 MiB).
pub const MAX_CHECKPOINT_INDEX_BYTES: u64 = 16 << 20;

/// Most values in the index of a checkpoint; M2FP's with its optimiser has about 200,000.
pub const MAX_PICKLE_VALUES: usize = 1 << 20;

/// Most axes of a tensor of a checkpoint.
pub const MAX_TENSOR_AXES: usize = 8;

/// Largest storage of a checkpoint, which is held in memory while its tensors are read (256 MiB).
pub const MAX_STORAGE_BYTES: u64 = 256 << 20;

/// Most bytes that are read of a checkpoint, however often tensors share them (4 GiB).
pub const MAX_CHECKPOINT_READ_BYTES: u64 = 4 << 30;
