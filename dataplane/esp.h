// What the ESP half of a worker shares inside.
#ifndef VIGIL_DATAPLANE_ESP_H
#define VIGIL_DATAPLANE_ESP_H

#include "crypto.h"
#include "dummy.h"
#include "sa_table.h"
#include "tunnel.h"
#include "worker.h"

#define ESP_INVALID_SPI_RATE 10u // events a second and worker

// ESP trailer, RFC 4303 2: padding, then these two.
#define ESP_TRAILER    2u
#define ESP_NEXT_IPV4  4u
#define ESP_NEXT_IPV6  41u
#define ESP_NEXT_DUMMY 59u

// RFC 3168: the two low bits of the type of service.
#define ESP_ECN_MASK 3u
#define ESP_ECN_ECT0 2u
#define ESP_ECN_ECT1 1u
#define ESP_ECN_CE   3u

// A packet that waits to be cut, see split.h.
struct split {
	struct rte_mbuf *m;
	uint16_t room;
};

struct worker_esp {
	struct crypto *crypto;
	struct tunnel_worker tunnels;
	uint32_t spi_tokens; // INVALID_SPI events left in this second
	tick_t spi_filled;
	uint32_t mtu_tokens; // PATH_MTU events left in this second
	tick_t mtu_filled;
	// Slots + 1 of SAs whose GONE found no room in the event ring, chained by sa.spi: control
	// must hear of each, or the slot stays in use for ever.
	uint32_t gone;
	struct dummies dummies;
	struct split too_long[WORKER_BURST]; // of the burst that is being encrypted
	uint16_t n_long;
	bool some_ipv6; // some of its outer packets are IPv6
	bool astray;    // some packet of the burst that is being encrypted has no way out at the
	                // moment
};

// RFC 6040 4.2, default tunnel egress behaviour: what the ECN field of the inner header becomes, by
// its own and the outer one's (of which other bits are ignored). False: the packet must be dropped.
static inline bool esp_ecn(uint8_t inner, uint8_t outer, uint8_t *ecn)
{
	inner &= ESP_ECN_MASK;
	outer &= ESP_ECN_MASK;
	*ecn = inner;
	if (outer == ESP_ECN_CE && inner == 0)
		return false;
	if (outer == ESP_ECN_CE || (outer == ESP_ECN_ECT1 && inner == ESP_ECN_ECT0))
		*ecn = outer;
	return true;
}

// [W] A limit of the SA is reached: tells control, once each. False: a hard one, the SA has
// stopped.
bool esp_limit(struct worker *w, struct sa *sa);

static inline struct handle esp_handle(const struct sa *sa)
{
	return (struct handle){.index = sa->slot, .generation = sa->generation};
}

#endif
