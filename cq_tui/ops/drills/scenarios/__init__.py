"""One file a drill: what is done to the services, and what they have to do then."""
