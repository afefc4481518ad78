"""RTP, audio and devices."""
