"""What flows through the gateway: access units, their tracks, codecs and clocks."""
