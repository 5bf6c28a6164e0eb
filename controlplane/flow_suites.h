// What a flow is negotiated with: what its entry's transform sets come to for this traffic and this
// peer, the encapsulation mode above all. Control core only; pure.
#ifndef VIGIL_FLOW_SUITES_H
#define VIGIL_FLOW_SUITES_H

#include "flow.h"

#define FLOW_SUITES_MAX (2 * ENTRY_SUITES_MAX) // each in transport mode, and as a tunnel

// True if the traffic is between these two addresses alone, of whatever protocol and ports.
bool flow_suites_host_to_host(const struct selector *s, const struct ip_addr *local,
                              const struct ip_addr *remote);
// In the order of the transform sets. One in transport mode is that for traffic between the two
// gateways only (RFC 4301, 4.1; as IOS): for other traffic it is a tunnel, and between the gateways
// a tunnel is offered and accepted after it, unless it says `require`. Returns their number; 0: all
// require what this traffic cannot have.
unsigned flow_suites(const struct crypto_entry *e, const struct selector *s, const struct peer *p,
                     struct esp_suite out[FLOW_SUITES_MAX]);
// Leaves only those in transport mode.
unsigned flow_suites_transport(struct esp_suite *suites, unsigned n);
// Leaves only those without extended sequence numbers.
unsigned flow_suites_without_esn(struct esp_suite *suites, unsigned n);

#endif
