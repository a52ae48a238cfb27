//! Every shader is valid for naga, which compiles them wherever they do not run in a browser, and asks of a device no more
//! than WebGPU promises.

use effigy_shaders::composed;

/// Every composed file parses and validates, with no capability beyond core WebGPU but where it says so.
#[test]
fn every_shader_compiles() {
    for shader in composed::ALL {
        let (name, source) = (shader.name, shader.wgsl());
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&source)));
        naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            // `unpack2x16float` is core WebGPU, though not every OpenGL has it.
            naga::valid::Capabilities::default()
                | naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32
                | if shader.uses_subgroups() {
                    naga::valid::Capabilities::SUBGROUP
                } else {
                    naga::valid::Capabilities::empty()
                },
        )
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(naga::valid::SubgroupOperationSet::all())
        .validate(&module)
        .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&source)));
        for entry in &module.entry_points {
            let [x, y, z] = entry.workgroup_size;
            assert!(x * y * z <= 256, "{name}: {} threads", x * y * z);
        }
        let variables = || module.global_variables.iter().map(|(_, variable)| variable);
        let storage = |space| matches!(space, naga::AddressSpace::Storage { .. });
        let buffers = variables().filter(|v| storage(v.space)).count();
        assert!(buffers <= 8, "{name}: {buffers} storage buffers, WebGPU promises 8");
        let is_written = |ty: naga::Handle<naga::Type>| {
            let inner = &module.types[ty].inner;
            matches!(inner, naga::TypeInner::Image { class: naga::ImageClass::Storage { .. }, .. })
        };
        let textures = variables().filter(|v| is_written(v.ty)).count();
        assert!(textures <= 4, "{name}: {textures} storage textures, WebGPU promises 4");
    }
}
