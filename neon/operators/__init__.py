"""VoIP operators' web services (spec section 6): asked over HTTP as a file per operator says, never trusted."""
