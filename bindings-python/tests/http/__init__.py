"""`snowmelt.http`: the policy's vectors, the middleware under real servers, and Lambda's events."""
