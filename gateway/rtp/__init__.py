"""Makes RTP and RTCP: payloads, templates, history, reports."""
