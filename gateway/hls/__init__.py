"""HTTP Live Streaming made by the gateway itself: fragmented MP4, playlists, and the routes that serve them."""
