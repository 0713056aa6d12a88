//! The points of a finite space, counted and numbered without listing them.
//!
//! Parameters that no condition links fall into separate components, whose counts multiply. Within a
//! component the values of parents are tried one class at a time: values that every condition treats
//! alike are counted once.

use super::{Params, Plan, Space};

/// Steps of counting after which a space is called too intricate.
const WORK_LIMIT: u32 = 100_000;

/// A finite space as a numbered list of points, none of them twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    plan: Plan,
    sizes: Vec<u64>,
    is_parent: Vec<bool>,
    singled_out: Vec<Vec<u64>>,
    components: Vec<Component>,
    len: u64,
    space: Space,
}

#[derive(Clone, Debug, PartialEq)]
struct Component {
    /// Positions in topological order.
    members: Vec<usize>,
    len: u64,
}

/// A run of values of one parent that all its children treat alike.
struct Class {
    first: u64,
    count: u64,
}

impl Grid {
    /// Numbers the points of `space`, or `None` if they are infinite, more than `u64`, or too intricate to count.
    ///
    /// The space must be valid.
    pub fn new(space: &Space) -> Option<Self> {
        let plan = space.plan();
        let sizes: Option<Vec<u64>> = space.parameters.iter().map(|parameter| parameter.distribution.cardinality()).collect();
        let mut grid = Self {
            is_parent: parents(&plan, space.len()),
            singled_out: singled_out(&plan, space),
            components: Vec::new(),
            len: 1,
            sizes: sizes?,
            plan,
            space: space.clone(),
        };
        for members in components(&grid.plan, space.len()) {
            let mut work = WORK_LIMIT;
            let mut params = vec![f64::NAN; space.len()];
            let len = grid.count(&members, &mut params, &mut work)?;
            grid.len = grid.len.checked_mul(len)?;
            grid.components.push(Component { members, len });
        }
        Some(grid)
    }

    /// Returns the number of points; 1 for the empty space, whose only point is empty.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no point at all, as with a parameter without choices.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the point numbered `index`, or `None` past the end.
    pub fn point(&self, index: u64) -> Option<Params> {
        if index >= self.len {
            return None;
        }
        let mut params = vec![f64::NAN; self.space.len()];
        let mut rest = index;
        for component in &self.components {
            self.place(&component.members, rest % component.len, &mut params)?;
            rest /= component.len;
        }
        Some(params)
    }

    /// Counts the ways to fill `members`, given what `params` already holds; leaves `params` as it was.
    fn count(&self, members: &[usize], params: &mut Params, work: &mut u32) -> Option<u64> {
        *work = work.checked_sub(1)?;
        let Some((&index, rest)) = members.split_first() else {
            return Some(1);
        };
        if !self.is_open(index, params) {
            return self.count(rest, params, work);
        }
        if !self.is_parent[index] {
            return self.count(rest, params, work)?.checked_mul(self.sizes[index]);
        }
        let mut total = 0_u64;
        for class in self.classes(index) {
            params[index] = self.value(index, class.first);
            let each = self.count(rest, params, work)?;
            total = total.checked_add(each.checked_mul(class.count)?)?;
        }
        params[index] = f64::NAN;
        Some(total)
    }

    /// Fills `members` with the combination numbered `number`.
    fn place(&self, members: &[usize], number: u64, params: &mut Params) -> Option<()> {
        let Some((&index, rest)) = members.split_first() else {
            return Some(());
        };
        if !self.is_open(index, params) {
            return self.place(rest, number, params);
        }
        if !self.is_parent[index] {
            params[index] = self.value(index, number % self.sizes[index]);
            return self.place(rest, number / self.sizes[index], params);
        }
        let (mut number, mut work) = (number, WORK_LIMIT);
        for class in self.classes(index) {
            params[index] = self.value(index, class.first);
            let each = self.count(rest, params, &mut work)?;
            let total = each * class.count;
            if number < total {
                params[index] = self.value(index, class.first + number / each);
                return self.place(rest, number % each, params);
            }
            number -= total;
        }
        None
    }

    fn value(&self, index: usize, nth: u64) -> f64 {
        self.space.parameters[index].distribution.nth(nth)
    }

    /// Whether all conditions hold; an absent parent is NaN, which no condition accepts.
    fn is_open(&self, index: usize, params: &Params) -> bool {
        self.plan.gates(index).iter().all(|gate| gate.parent.is_some_and(|parent| gate.accepted.contains(&params[parent])))
    }

    /// Cuts the values of a parent into single ones that conditions name and runs between them.
    fn classes(&self, index: usize) -> Vec<Class> {
        let mut classes = Vec::new();
        let mut next = 0;
        for &single in &self.singled_out[index] {
            if single > next {
                classes.push(Class { first: next, count: single - next });
            }
            classes.push(Class { first: single, count: 1 });
            next = single + 1;
        }
        if next < self.sizes[index] {
            classes.push(Class { first: next, count: self.sizes[index] - next });
        }
        classes
    }
}

fn parents(plan: &Plan, len: usize) -> Vec<bool> {
    let mut is_parent = vec![false; len];
    for index in 0..len {
        for parent in plan.gates(index).iter().filter_map(|gate| gate.parent) {
            is_parent[parent] = true;
        }
    }
    is_parent
}

/// Returns for each parameter the numbers of its values that some condition names, ascending.
fn singled_out(plan: &Plan, space: &Space) -> Vec<Vec<u64>> {
    let mut singles = vec![Vec::new(); space.len()];
    for gate in (0..space.len()).flat_map(|index| plan.gates(index)) {
        let Some(parent) = gate.parent else { continue };
        let distribution = &space.parameters[parent].distribution;
        singles[parent].extend(gate.accepted.iter().map(|&value| distribution.index_of(value)));
    }
    for list in &mut singles {
        list.sort_unstable();
        list.dedup();
    }
    singles
}

/// Returns the sets of linked parameters, each in topological order.
fn components(plan: &Plan, len: usize) -> Vec<Vec<usize>> {
    let mut label: Vec<usize> = (0..len).collect();
    for &index in plan.order() {
        for parent in plan.gates(index).iter().filter_map(|gate| gate.parent) {
            let (old, new) = (label[index], label[parent]);
            label.iter_mut().filter(|label| **label == old).for_each(|label| *label = new);
        }
    }
    let members = |root: usize| -> Vec<usize> { plan.order().iter().copied().filter(|&index| label[index] == root).collect() };
    (0..len).map(members).filter(|members| !members.is_empty()).collect()
}

#[cfg(test)]
#[path = "points_tests.rs"]
mod tests;
