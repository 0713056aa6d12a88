//! Two and three dimensions: one sweep over sorted boxes.

use super::boxes::Boxes;

/// Returns the area of the union: widest first, each box adds the strip that rises above those before it.
pub(super) fn area(boxes: &Boxes) -> f64 {
    let mut order: Vec<(f64, f64)> = boxes.iter().map(|sides| (sides[0], sides[1])).collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    let mut top = 0.0;
    let mut area = 0.0;
    for (width, height) in order {
        if height > top {
            area += width * (height - top);
            top = height;
        }
    }
    area
}

/// Returns the volume of the union: a plane sinks along the third side and the area it cuts grows.
pub(super) fn volume(boxes: &Boxes) -> f64 {
    let mut order: Vec<&[f64]> = boxes.iter().collect();
    order.sort_by(|a, b| b[2].total_cmp(&a[2]));
    let mut stairs = Staircase::default();
    let mut level = 0.0;
    let mut volume = 0.0;
    for sides in order {
        volume += stairs.area * (level - sides[2]);
        level = sides[2];
        stairs.add(sides[0], sides[1]);
    }
    volume + stairs.area * level
}

/// The outline of a union of rectangles: steps with rising widths and falling heights.
#[derive(Default)]
struct Staircase {
    steps: Vec<(f64, f64)>,
    area: f64,
}

impl Staircase {
    /// Adds a rectangle: steps under it vanish, and the area grows by what rises above the outline.
    fn add(&mut self, width: f64, height: f64) {
        let right = self.steps.partition_point(|step| step.0 < width);
        let behind = self.steps.get(right).copied().unwrap_or((f64::INFINITY, 0.0));
        if behind.1 >= height {
            return;
        }
        let left = self.steps[..right].partition_point(|step| step.1 > height);
        let mut from = if left == 0 { 0.0 } else { self.steps[left - 1].0 };
        for &(to, under) in &self.steps[left..right] {
            self.area += (to - from) * (height - under);
            from = to;
        }
        self.area += (width - from) * (height - behind.1);
        let end = right + usize::from(behind.0 == width);
        self.steps.splice(left..end, [(width, height)]);
    }
}
