//! Encoding and decoding `telemetry_event_v1`, beside plain `apache-avro` in the same run.
//!
//! Two of ours: the borrowed view that stages read, and the owned record, which also proves that the payload is a JSON
//! object. `apache-avro` is timed up to its generic value and proves no such thing: its pair is the view.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use contracts::avro::{EventView, Framed, Framing};
use contracts::codec;
use contracts::record::Record;
use contracts::records::TelemetryEvent;

use crate::figure::{Figure, nanoseconds_per_call};

const PAYLOAD_BYTES: [usize; 3] = [200, 600, 4096];

pub fn measure(runs: u32) -> Vec<Figure> {
    PAYLOAD_BYTES.iter().flat_map(|bytes| measure_size(*bytes, runs)).collect()
}

fn measure_size(payload_bytes: usize, runs: u32) -> Vec<Figure> {
    let event = crate::sample::event(payload_bytes, 0);
    let mut framed = Vec::new();
    codec::encode(&event, Framing::SingleObject, &mut framed).expect("the sample is within the limits");
    let Ok(Framed::SingleObject(_, body)) = Framed::open(&framed) else { unreachable!("it was just framed so") };
    let schema = TelemetryEvent::schema().avro();
    let reader = GenericDatumReader::builder(schema).build().expect("our schema is Avro");
    let writer = GenericDatumWriter::builder(schema).build().expect("our schema is Avro");
    let plain_decode = || reader.read_value(&mut &*body).expect("we wrote it by this schema");
    let generic = plain_decode();

    let (mut out, mut plain_out) = (Vec::with_capacity(framed.len()), Vec::with_capacity(framed.len()));
    let [mut encode, mut encode_plain, mut view, mut decode, mut decode_plain] = [const { vec![] }; 5];
    for _ in 0..runs {
        encode.push(nanoseconds_per_call(|| {
            out.clear();
            codec::encode(&event, Framing::SingleObject, &mut out)
        }));
        encode_plain.push(nanoseconds_per_call(|| {
            plain_out.clear();
            writer.write_value_ref(&mut plain_out, &generic)
        }));
        view.push(nanoseconds_per_call(|| EventView::read(body)));
        decode.push(nanoseconds_per_call(|| codec::decode_body::<TelemetryEvent>(body)));
        decode_plain.push(nanoseconds_per_call(plain_decode));
    }
    let faster =
        |plain: &[f64], ours: &[f64]| plain.iter().zip(ours).map(|(plain, ours)| plain / ours).collect::<Vec<_>>();
    [
        Figure::new("event_encode", "ns", &encode),
        Figure::new("event_encode_apache_avro", "ns", &encode_plain),
        Figure::new("event_encode_times_faster", "ratio", &faster(&encode_plain, &encode)),
        Figure::new("event_view", "ns", &view),
        Figure::new("event_decode", "ns", &decode),
        Figure::new("event_decode_apache_avro", "ns", &decode_plain),
        Figure::new("event_view_times_faster", "ratio", &faster(&decode_plain, &view)),
        Figure::new("event_decode_times_faster", "ratio", &faster(&decode_plain, &decode)),
    ]
    .map(|figure| figure.with("payload_bytes", payload_bytes))
    .into()
}
