"""Attribution graphs as circuit-tracer writes and reads them (pip install circuit-tracer==0.5.0; its graph_models need pydantic only).

Writes circuit-tracer.json beside itself: "written", a small graph made with circuit-tracer's own constructors (error
ids in its old form, one of which collides with a feature's), and "read", what circuit-tracer's reader makes of
untangle-graph.json, which our writer wrote.
"""

import importlib.metadata
import importlib.util
import json
import pathlib
import sys

here = pathlib.Path(__file__).parent


def graph_models():
    """frontend/graph_models.py alone: the package's own __init__ loads PyTorch and transformer_lens."""
    folder = pathlib.Path(importlib.metadata.distribution("circuit-tracer").locate_file("circuit_tracer"))
    spec = importlib.util.spec_from_file_location("graph_models", folder / "frontend" / "graph_models.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["graph_models"] = module
    spec.loader.exec_module(module)
    return module


m = graph_models()
nodes = [
    m.Node.feature_node(0, 5, 3, influence=0.4, activation=2.5),
    m.Node.feature_node(1, 5, 70000, influence=0.7, activation=0.25),
    m.Node.error_node(3, 5, influence=0.9),
    m.Node.error_node(2, 4, influence=1.0),
    m.Node.token_node(5, 812, influence=0.8),
    m.Node.logit_node(pos=5, vocab_idx=264, token=" the", num_layers=4, target_logit=True, token_prob=0.625),
]
assert nodes[0].node_id == nodes[2].node_id == "0_3_5"
links = [
    {"source": "E_812_5", "target": "0_3_5", "weight": 1.5},
    {"source": "0_3_5", "target": "1_70000_5", "weight": -0.5},
    {"source": "1_70000_5", "target": "5_264_5", "weight": 0.75},
    {"source": "0_3_5", "target": "5_264_5", "weight": 0.25},
    {"source": "0_3_5", "target": "5_264_5", "weight": 0.125},
    {"source": "0_2_4", "target": "5_264_5", "weight": -0.0625},
]
written = m.Model(
    metadata=m.Metadata(slug="capital", scan="toy", transcoder_list=["t0", "t1", "t2", "t3"], prompt_tokens=["The", " capital", " of", " France", " is", " called"], prompt="The capital of France is called", node_threshold=0.8),
    qParams=m.QParams(pinnedIds=["5_264_5"], supernodes=[["city", "1_70000_5"]], linkType="both", clickedId="", sg_pos=""),
    nodes=nodes,
    links=links,
)
ours = m.Model.model_validate_json((here / "untangle-graph.json").read_text())
read = {
    "slug": ours.metadata.slug,
    "sites": ours.metadata.transcoder_list,
    "nodes": [[n.node_id, n.feature, n.layer, n.ctx_idx, n.feature_type, n.jsNodeId, n.influence, n.activation] for n in ours.nodes],
    "links": [m.Link(**link).model_dump() for link in ours.links],
    "features": {n.node_id: m._cantor_pairing(int(n.layer), int(n.node_id.split("_")[1])) for n in ours.nodes if n.feature_type == "cross layer transcoder"},
}
document = {
    "command": "python test/oracles/circuit-tracer.py",
    "versions": {"circuit-tracer": importlib.metadata.version("circuit-tracer")},
    "written": json.loads(written.model_dump_json()),
    "read": read,
}
(here / "circuit-tracer.json").write_text(json.dumps(document, indent=1) + "\n")
