/// The outline and relief of a thing, in coordinates in which it reaches from -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// A disk with a rim and a stamp; the first class.
    Coin,
    /// A flat ring; the second class.
    Washer,
    /// A wheel with eight teeth and a hole; the third class.
    Gear,
    /// A star with five points and bevelled arms; the fourth class.
    Star,
    /// A plain disk: a coin without rim and stamp.
    Blob,
    /// A hexagon without hole.
    Plate,
    /// A thin circle, as a cup leaves it.
    Mark,
    /// A washer of which a part is missing.
    Clip,
    /// A triangle.
    Shard,
    /// A bar, five times as long as wide.
    Bar,
}

/// Five directions, a fifth of a turn apart. Written out, as cosines differ between machines.
const FIFTHS: [[f32; 2]; 5] = [
    [0.0, -1.0],
    [0.951_056_5, -0.309_017],
    [0.587_785_25, 0.809_017],
    [-0.587_785_25, 0.809_017],
    [-0.951_056_5, -0.309_017],
];
const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;

impl Shape {
    /// The classes, in the order of their names.
    pub(super) const OBJECTS: [Self; 4] = [Self::Coin, Self::Washer, Self::Gear, Self::Star];
    /// What resembles them and is none.
    pub(super) const DISTRACTORS: [Self; 6] =
        [Self::Blob, Self::Plate, Self::Mark, Self::Clip, Self::Shard, Self::Bar];
    /// How far a shape reaches from its centre.
    pub(super) const REACH: f32 = 1.05;

    /// Returns how bright the shape is at a point; nothing outside of it.
    pub(super) fn shade(self, u: f32, v: f32) -> Option<f32> {
        let r = (u * u + v * v).sqrt();
        match self {
            Self::Coin => coin(u, v, r),
            Self::Washer => (0.46..=1.0).contains(&r).then(|| bevel(r, 0.46, 1.0)),
            Self::Gear => gear(u, v, r),
            Self::Star => star(u, v),
            Self::Blob => (r <= 1.0).then_some(1.0),
            Self::Plate => {
                let side = v.abs().max(0.866_025_4 * u.abs() + 0.5 * v.abs());
                (side <= 0.866).then(|| bevel(side, -1.0, 0.866))
            }
            Self::Mark => (0.86..=1.0).contains(&r).then_some(0.95),
            Self::Clip => {
                let open = u > 0.0 && v.abs() < 0.8 * u;
                ((0.5..=1.0).contains(&r) && !open).then(|| bevel(r, 0.5, 1.0))
            }
            Self::Shard => {
                let inside = v <= 0.5 && 0.866_025_4 * u.abs() - 0.5 * v <= 0.5;
                inside.then_some(if u > 0.0 { 1.1 } else { 0.85 })
            }
            Self::Bar => {
                (u.abs() <= 1.0 && v.abs() <= 0.2).then_some(if v.abs() > 0.13 { 0.8 } else { 1.1 })
            }
        }
    }
}

/// Returns the brightness across a band: dark at both edges.
fn bevel(at: f32, inner: f32, outer: f32) -> f32 {
    if at - inner < 0.09 || outer - at < 0.09 { 0.72 } else { 1.05 }
}

fn coin(u: f32, v: f32, r: f32) -> Option<f32> {
    let stamp = u.abs() < 0.34 && v.abs() < 0.34 && (u.abs() > 0.16 || v.abs() > 0.16);
    match r {
        r if r > 1.0 => None,
        r if r > 0.84 => Some(1.15),
        r if r > 0.74 => Some(0.62),
        _ if stamp => Some(0.72),
        _ => Some(1.0),
    }
}

fn gear(u: f32, v: f32, r: f32) -> Option<f32> {
    if !(0.3..=1.0).contains(&r) {
        return None;
    }
    let tooth = |(u, v): (f32, f32)| {
        // The tooth nearest to an axis, of the four on the axes.
        let (along, across) = if u.abs() > v.abs() { (u, v) } else { (v, u) };
        across.abs() <= 0.2 - 0.1 * (along.abs() - 0.7)
    };
    let turned = ((u + v) * DIAGONAL, (v - u) * DIAGONAL);
    match r {
        r if r > 0.74 => (tooth((u, v)) || tooth(turned)).then_some(0.92),
        r if r > 0.6 => Some(1.1),
        r if r > 0.52 => Some(0.7),
        _ => Some(1.0),
    }
}

fn star(u: f32, v: f32) -> Option<f32> {
    // An arm is a kite from the centre over two inner corners to the tip.
    const INNER: f32 = 0.45;
    const SIN: f32 = 0.587_785_25;
    const COS: f32 = 0.809_017;
    let corner = (INNER * COS, INNER * SIN);
    FIFTHS.iter().find_map(|[x, y]| {
        let (along, across) = (u * x + v * y, v * x - u * y);
        let half = if along <= corner.0 {
            along * SIN / COS
        } else {
            corner.1 * (1.0 - along) / (1.0 - corner.0)
        };
        let inside = along > 0.0 && across.abs() <= half;
        inside.then_some(if across > 0.0 { 1.15 } else { 0.7 })
    })
}
