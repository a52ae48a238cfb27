//! The `field` object of the extension: sizes as numbers, region centres in full precision, weights as half floats.

use std::collections::BTreeMap;

use effigy_field::{Field, FieldConfig, FieldWeights, PlaneConfig, PlaneLayout, Regions, TRAITS};
use effigy_rig::Rig;
use serde::{Deserialize, Serialize};

use super::{EXTENSION_NAME, Views, encoding};
use crate::AvatarError;
use crate::glb::{BufferBuilder, ViewUse};

/// Numbers beside a name of `weights`, and `centers`, are indices of buffer views.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FieldObject {
    planes: Vec<PlaneObject>,
    triplane: PlaneObject,
    hidden: usize,
    bases: usize,
    regions: usize,
    region_hidden: usize,
    controls: usize,
    centers: usize,
    /// By the names of [`FieldWeights::arrays`].
    weights: BTreeMap<String, usize>,
}

#[derive(Serialize, Deserialize)]
struct PlaneObject {
    resolution: usize,
    channels: usize,
}

impl FieldObject {
    /// Puts the arrays of `field` into `buffer`, in the order of [`FieldWeights::arrays`].
    pub(super) fn write(field: &Field, buffer: &mut BufferBuilder) -> Self {
        let plane = |p: &PlaneConfig| PlaneObject { resolution: p.resolution, channels: p.channels };
        let config = &field.config;
        let centers: Vec<u8> = field.regions.centers.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
        Self {
            planes: config.planes.iter().map(plane).collect(),
            triplane: plane(&config.triplane),
            hidden: config.hidden,
            bases: config.bases,
            regions: config.regions,
            region_hidden: config.region_hidden,
            controls: field.controls(),
            centers: buffer.view(&centers, ViewUse::Data),
            weights: field
                .weights
                .arrays()
                .into_iter()
                .map(|(name, array)| {
                    (name, buffer.view(&encoding::encode_halves(array, false), ViewUse::Data))
                })
                .collect(),
        }
    }

    /// The field over `rig`. Sizes are checked before anything of that size is allocated.
    pub(super) fn read(&self, rig: &Rig, views: &Views<'_>) -> Result<Field, AvatarError> {
        let asset = |fault: String| AvatarError::Asset(format!("{EXTENSION_NAME}: {fault}"));
        let fault = |fault: effigy_field::FieldError| asset(fault.to_string());
        let plane = |p: &PlaneObject| PlaneConfig { resolution: p.resolution, channels: p.channels };
        let config = FieldConfig {
            planes: self.planes.iter().map(plane).collect(),
            triplane: plane(&self.triplane),
            hidden: self.hidden,
            bases: self.bases,
            regions: self.regions,
            region_hidden: self.region_hidden,
        };
        if self.controls != rig.morphs.len() {
            return Err(asset(format!(
                "field: for {} controls, the mesh has {} morph targets",
                self.controls,
                rig.morphs.len()
            )));
        }
        let texels = PlaneLayout::new(rig, &config).map_err(fault)?.texels();
        let mut weights = FieldWeights { planes: vec![Vec::new(); texels.len()], ..FieldWeights::default() };
        let lengths = FieldWeights::lengths(&config, &texels, self.controls);
        if self.weights.len() != lengths.len() {
            return Err(asset(format!(
                "field.weights: {} arrays where {} are needed",
                self.weights.len(),
                lengths.len()
            )));
        }
        for ((name, array), (_, length)) in weights.arrays_mut().into_iter().zip(lengths) {
            let place = format!("field.weights.{name}");
            let view = self.weights.get(&name).ok_or_else(|| asset(format!("{place} is missing")))?;
            *array = encoding::decode_halves(views.bytes(&place, *view, length, 2)?);
        }
        let centers = views.bytes("field.centers", self.centers, self.regions, 4 * TRAITS)?;
        let centers = encoding::decode_floats::<TRAITS>(centers);
        if !centers.iter().flatten().all(|x| x.is_finite()) {
            return Err(asset("field.centers: a value is not finite".into()));
        }
        Field::new(rig, config, Regions::around(rig, centers).map_err(fault)?, weights).map_err(fault)
    }
}
