//! A bounding-volume hierarchy over triangles: occlusion rays and nearest points.

use glam::Vec3;

/// Triangles in a leaf.
const LEAF: usize = 4;

struct Node {
    low: Vec3,
    high: Vec3,
    /// Leaf: its first triangle in `order`. Inner node: its right child; the left one follows it.
    start: u32,
    /// Triangles of a leaf; 0 for an inner node.
    count: u32,
}

/// A hierarchy over triangles, split at the median of the longest axis.
pub(super) struct Bvh {
    nodes: Vec<Node>,
    order: Vec<u32>,
    corners: Vec<[Vec3; 3]>,
}

impl Bvh {
    /// Over `triangles`, given by their corners.
    pub(super) fn new(triangles: Vec<[Vec3; 3]>) -> Self {
        let mut bvh =
            Self { nodes: Vec::new(), order: (0..triangles.len() as u32).collect(), corners: triangles };
        if !bvh.order.is_empty() {
            bvh.build(0, bvh.order.len());
        }
        bvh
    }

    /// The depth is the logarithm of the count, since every split halves.
    fn build(&mut self, begin: usize, end: usize) {
        let at = self.nodes.len();
        let (mut low, mut high) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
        for &t in &self.order[begin..end] {
            for corner in self.corners[t as usize] {
                low = low.min(corner);
                high = high.max(corner);
            }
        }
        self.nodes.push(Node { low, high, start: begin as u32, count: (end - begin) as u32 });
        if end - begin <= LEAF {
            return;
        }
        let size = high - low;
        let axis = if size.x >= size.y && size.x >= size.z {
            0
        } else if size.y >= size.z {
            1
        } else {
            2
        };
        let corners = &self.corners;
        let center = |t: &u32| corners[*t as usize].iter().map(|c| c[axis]).sum::<f32>();
        let middle = (begin + end) / 2;
        self.order[begin..end].select_nth_unstable_by(middle - begin, |a, b| center(a).total_cmp(&center(b)));
        self.build(begin, middle);
        self.nodes[at].start = self.nodes.len() as u32;
        self.nodes[at].count = 0;
        self.build(middle, end);
    }

    /// Distance along the unit `direction` to the first triangle, from either side, if nearer than `reach`.
    pub(super) fn hit(&self, origin: Vec3, direction: Vec3, reach: f32) -> Option<f32> {
        let inverse = direction.recip();
        let mut nearest = reach;
        let mut stack = [0_u32; 64];
        let mut depth = usize::from(!self.nodes.is_empty());
        while depth > 0 {
            depth -= 1;
            let index = stack[depth];
            let node = &self.nodes[index as usize];
            let (a, b) = ((node.low - origin) * inverse, (node.high - origin) * inverse);
            let enter = a.min(b).max_element().max(0.0);
            let leave = a.max(b).min_element().min(nearest);
            // Written so that NaN, from a ray in the plane of a flat box, counts as a hit.
            if enter > leave {
                continue;
            }
            if node.count > 0 {
                for &t in &self.order[node.start as usize..(node.start + node.count) as usize] {
                    if let Some(distance) = ray_triangle(origin, direction, &self.corners[t as usize])
                        && distance < nearest
                    {
                        nearest = distance;
                    }
                }
            } else {
                stack[depth] = node.start;
                stack[depth + 1] = index + 1;
                depth += 2;
            }
        }
        (nearest < reach).then_some(nearest)
    }

    /// The corners of a triangle.
    pub(super) fn corners(&self, triangle: u32) -> &[Vec3; 3] {
        &self.corners[triangle as usize]
    }

    /// The triangle and barycentric weights of the point that is nearest to `point` under squared distance plus
    /// `penalty(triangle, weights)`, which must not be negative, if that is less than `reach`².
    pub(super) fn nearest(
        &self,
        point: Vec3,
        reach: f32,
        penalty: impl Fn(u32, Vec3) -> f32,
    ) -> Option<(u32, Vec3)> {
        let mut best: Option<(u32, Vec3)> = None;
        let mut cost = reach * reach;
        let mut stack = [0_u32; 64];
        let mut depth = usize::from(!self.nodes.is_empty());
        while depth > 0 {
            depth -= 1;
            let index = stack[depth];
            let node = &self.nodes[index as usize];
            if box_distance_squared(node, point) >= cost {
                continue;
            }
            if node.count > 0 {
                for &t in &self.order[node.start as usize..(node.start + node.count) as usize] {
                    let corners = &self.corners[t as usize];
                    let weights = nearest_on_triangle(point, corners);
                    let there = corners[0] * weights.x + corners[1] * weights.y + corners[2] * weights.z;
                    let distance = there.distance_squared(point);
                    if distance < cost {
                        let total = distance + penalty(t, weights);
                        if total < cost {
                            (cost, best) = (total, Some((t, weights)));
                        }
                    }
                }
            } else {
                let (left, right) = (index + 1, node.start);
                let distance = |i: u32| box_distance_squared(&self.nodes[i as usize], point);
                let left_first = distance(left) <= distance(right);
                (stack[depth], stack[depth + 1]) = if left_first { (right, left) } else { (left, right) };
                depth += 2;
            }
        }
        best
    }
}

fn box_distance_squared(node: &Node, point: Vec3) -> f32 {
    point.clamp(node.low, node.high).distance_squared(point)
}

/// Möller and Trumbore, "Fast, Minimum Storage Ray/Triangle Intersection", 1997; both sides.
fn ray_triangle(origin: Vec3, direction: Vec3, corners: &[Vec3; 3]) -> Option<f32> {
    let (e1, e2) = (corners[1] - corners[0], corners[2] - corners[0]);
    let p = direction.cross(e2);
    let determinant = e1.dot(p);
    if determinant == 0.0 {
        return None;
    }
    let s = origin - corners[0];
    let u = s.dot(p) / determinant;
    let q = s.cross(e1);
    let v = direction.dot(q) / determinant;
    let t = e2.dot(q) / determinant;
    (u >= 0.0 && v >= 0.0 && u + v <= 1.0 && t > 0.0).then_some(t)
}

/// Barycentric weights of the point of a triangle nearest to `p` (Ericson, "Real-Time Collision Detection", §5.1.5).
pub(super) fn nearest_on_triangle(p: Vec3, [a, b, c]: &[Vec3; 3]) -> Vec3 {
    let (ab, ac, ap) = (*b - *a, *c - *a, p - *a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return Vec3::X;
    }
    let bp = p - *b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return Vec3::Y;
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        let v = fraction(d1, d1 - d3);
        return Vec3::new(1.0 - v, v, 0.0);
    }
    let cp = p - *c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return Vec3::Z;
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        let w = fraction(d2, d2 - d6);
        return Vec3::new(1.0 - w, 0.0, w);
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        let w = fraction(d4 - d3, (d4 - d3) + (d5 - d6));
        return Vec3::new(0.0, 1.0 - w, w);
    }
    let sum = va + vb + vc;
    if !(sum > 0.0) {
        return Vec3::X;
    }
    let (v, w) = (vb / sum, vc / sum);
    Vec3::new(1.0 - v - w, v, w)
}

/// `a / b` within 0 to 1, 0 for a degenerate edge.
fn fraction(a: f32, b: f32) -> f32 {
    if b > 0.0 { (a / b).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of triangles in the plane z = 0 over [0, n]², and one tilted.
    fn field(n: i32) -> Vec<[Vec3; 3]> {
        let p = |x: i32, y: i32| Vec3::new(x as f32, y as f32, 0.0);
        let mut list = vec![[Vec3::new(2.0, 2.0, 1.0), Vec3::new(3.0, 2.0, 1.0), Vec3::new(2.0, 3.0, 2.0)]];
        for x in 0..n {
            for y in 0..n {
                list.push([p(x, y), p(x + 1, y), p(x, y + 1)]);
                list.push([p(x + 1, y + 1), p(x, y + 1), p(x + 1, y)]);
            }
        }
        list
    }

    #[test]
    fn rays_find_the_first_triangle_in_reach() {
        let bvh = Bvh::new(field(8));
        let down = Vec3::NEG_Z;
        assert_eq!(bvh.hit(Vec3::new(6.3, 6.4, 5.0), down, 10.0), Some(5.0));
        assert_eq!(bvh.hit(Vec3::new(6.3, 6.4, 5.0), down, 4.9), None);
        assert_eq!(bvh.hit(Vec3::new(9.3, 6.4, 5.0), down, 10.0), None);
        assert_eq!(
            bvh.hit(Vec3::new(2.25, 2.5, 5.0), down, 10.0),
            Some(3.5),
            "the tilted one is at z = 1.5 there"
        );
    }

    #[test]
    fn nearest_points_match_a_search_over_all() {
        let triangles = field(6);
        let bvh = Bvh::new(triangles.clone());
        for i in 0..200 {
            let t = i as f32;
            let p = Vec3::new((t * 0.73) % 9.0 - 1.5, (t * 1.31) % 9.0 - 1.5, (t * 0.37) % 4.0 - 1.0);
            let distance = |t: &[Vec3; 3]| {
                // A dense sweep of the triangle, independent of the closed form.
                let steps = 60;
                let mut best = f32::INFINITY;
                for a in 0..=steps {
                    for b in 0..=steps - a {
                        let (u, v) = (a as f32 / steps as f32, b as f32 / steps as f32);
                        best = best.min(p.distance(t[0] * (1.0 - u - v) + t[1] * u + t[2] * v));
                    }
                }
                best
            };
            let brute = triangles.iter().map(distance).fold(f32::INFINITY, f32::min);
            let (found, weights) = bvh.nearest(p, f32::INFINITY, |_, _| 0.0).unwrap();
            let c = triangles[found as usize];
            let there = c[0] * weights.x + c[1] * weights.y + c[2] * weights.z;
            assert!((p.distance(there) - brute).abs() < 0.02, "{p}: {} {brute}", p.distance(there));
            assert!(p.distance(there) <= brute + 1e-5);
        }
    }

    #[test]
    fn a_penalty_turns_the_choice() {
        let bvh = Bvh::new(field(6));
        let above = Vec3::new(2.2, 2.3, 1.2);
        assert_eq!(bvh.nearest(above, f32::INFINITY, |_, _| 0.0).unwrap().0, 0);
        assert_eq!(bvh.nearest(above, 0.01, |_, _| 0.0), None);
        assert_ne!(bvh.nearest(above, f32::INFINITY, |t, _| if t == 0 { 100.0 } else { 0.0 }).unwrap().0, 0);
    }
}
