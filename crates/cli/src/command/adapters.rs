//! `effigy adapters`: what can render on this machine.

use clap::Args;
use serde::Serialize;

use crate::report::{print, print_json};

/// List what can render on this machine, best first.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Adapter {
    name: String,
    kind: &'static str,
    api: String,
    driver: String,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut list: Vec<Adapter> = pollster::block_on(effigy_render::adapters())
        .iter()
        .map(|adapter| {
            let info = adapter.get_info();
            Adapter {
                name: info.name,
                kind: match info.device_type {
                    wgpu::DeviceType::DiscreteGpu => "discrete GPU",
                    wgpu::DeviceType::IntegratedGpu => "integrated GPU",
                    wgpu::DeviceType::VirtualGpu => "virtual GPU",
                    wgpu::DeviceType::Cpu => "software",
                    wgpu::DeviceType::Other => "other",
                },
                api: info.backend.to_string(),
                driver: [info.driver, info.driver_info].join(" ").trim().into(),
            }
        })
        .collect();
    list.push(Adapter {
        name: "CPU rasteriser".into(),
        kind: "CPU",
        api: "--backend cpu".into(),
        driver: concat!("effigy ", env!("CARGO_PKG_VERSION")).into(),
    });
    if arguments.json {
        print_json(&list)?;
    } else {
        for a in list {
            print(&format!("{}  ({}, {}, {})", a.name, a.kind, a.api, a.driver))?;
        }
    }
    Ok(())
}
