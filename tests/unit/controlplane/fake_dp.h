// A dataplane without DPDK: implements dataplane/api/dp.h on plain arrays under a clock that the
// test drives. Several may live in one process; they share the clock.
#ifndef VIGIL_TESTS_FAKE_DP_H
#define VIGIL_TESTS_FAKE_DP_H

#include "dp.h"

#define FAKE_DATAGRAM_MAX 2048

struct fake_datagram {
	struct fake_datagram *next;
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
	bool marker;
	uint16_t len;
	uint8_t data[FAKE_DATAGRAM_MAX];
};

struct fake_sa {
	bool used, live, inbound, gone_pending;
	uint32_t generation;
	uint32_t spi, spi_next;
	struct sa_spec spec;
	struct handle tunnel, pair;
	bool have_in;
	tick_t last_in;
	uint64_t packets;
	bool place_forgotten;
};

struct fake_tunnel {
	bool used, asked, doubted, have_out;
	uint32_t generation;
	struct dp_tunnel_spec spec;
	struct handle out_sa;
	tick_t last_out;
	unsigned refused, held;
};

struct fake_peer {
	tick_t doubt_after, heard;
	bool have_heard;
};

struct fake_policy {
	bool used;
	uint32_t generation;
	struct dp_policy_rule rule;
};

#ifndef FAKE_SAS // a program with more peers is built with other sizes
#define FAKE_SAS     512
#define FAKE_TUNNELS 128
#define FAKE_PEERS   128
#define FAKE_POLICY  256
#define FAKE_EVENTS  1024
#define FAKE_IKE     256
#endif
#define FAKE_NEIGH  32
#define FAKE_ROUTES 64

struct fake_route {
	struct ip_prefix prefix;
	struct ip_addr gateway;
	uint16_t iface;
	bool used, discards;
};

// Free slots. The one that became free last is taken next, so that stale handles meet another use.
struct fake_slots {
	uint32_t *free, n;
};

struct dp {
	struct fake_sa sas[FAKE_SAS];
	uint32_t spi_first[FAKE_SAS]; // inbound SAs by SPI: number + 1, 0 = none
	struct fake_tunnel tunnels[FAKE_TUNNELS];
	struct fake_slots sa_slots, tunnel_slots, policy_slots;
	uint32_t sa_free[FAKE_SAS], tunnel_free[FAKE_TUNNELS], policy_free[FAKE_POLICY];
	struct fake_peer peers[FAKE_PEERS];
	struct fake_policy policies[FAKE_POLICY];
	struct dp_event events[FAKE_EVENTS];
	tick_t due[FAKE_EVENTS]; // when an event may be seen
	unsigned first_event, end_of_events;
	tick_t (*event_delay)(void); // NULL: no delay
	bool event_ring_full;        // workers raise nothing and try again with the next packet
	uint32_t max_sas;            // 0 = FAKE_SAS
	bool no_tunnels;             // there is no room for another
	uint32_t ike_tags[FAKE_IKE];
	struct fake_datagram *sent, **sent_tail;
	unsigned n_sent;
	struct fake_datagram *rings[DP_PUNT_CLASSES], **tails[DP_PUNT_CLASSES];
	struct dp_iface_config ifaces[DP_IFACES_MAX];
	int iface_error[DP_IFACES_MAX]; // what dp_iface_set() returns; not 0: no IPv6 address is
	                                // left
	uint16_t device_mtu; // an IPv6 MTU is no longer than this; 0 = as long as it is set
	bool hold[DP_IFACES_MAX];
	// Called after every change of an interface, a policy or a hold; NULL: by nobody.
	void (*watch)(const struct dp *dp);
	// Called after every change of a static route, and before a subinterface goes.
	void (*watch_routes)(struct dp *dp, bool vlan_goes);
	uint16_t vlans[DP_IFACES_MAX];         // of subinterfaces, whose numbers begin at 8
	struct fake_route routes[FAKE_ROUTES]; // static ones
	struct dp_range lost[FAKE_ROUTES];
	uint32_t n_lost;
	unsigned opened; // networks of interfaces that went without being lost
	unsigned route_changes;
	struct {
		struct ip_addr addr;
		uint8_t mac[6];
		bool used;
	} neighbours[FAKE_NEIGH];
	// Called for every neighbour that workers hear of or that goes, and every frame sent; NULL:
	// by nobody. While neighbours are watched they are in no table.
	void (*watch_neighbours)(const struct ip_addr *addr, bool known);
	void (*watch_frames)(const uint8_t *frame);
	uint8_t frame[256], frame_before[256]; // last frames sent
	uint16_t frame_len;
	unsigned frames;
	uint8_t *first_frame; // where the one that is sent when `frames` is 0 is kept too, or NULL
	struct dp_echo echo;  // last one sent
	unsigned echoes, echo_answers;                   // answers: so many more
	uint16_t arrives_by;                             // the interface of what is received
	uint64_t punt_losses, port_losses[DP_PORTS_MAX]; // by the workers, by ports
	tick_t losses_until;                             // 0 = now
	bool unreachable;                                // dp_datagram_send fails
	bool send_full;                                  // dp_datagram_send finds its ring full
	void (*tick)(void *arg);
	void *tick_arg;
	uint32_t next_spi;
	unsigned errors; // things that a caller must not do
};

// The clock of all fakes.
extern tick_t fake_now;
// Called at each look at the clock in us, if it is set.
extern void (*fake_look)(void);
// What its one worker counts: "drop no-route" and "received".
extern struct dp_worker_stats fake_worker;
extern uint64_t fake_counters[2];

// Inside the fake.
struct fake_sa *fake_sa_at(struct dp *dp, struct handle h);         // NULL: it is not that one's
struct fake_tunnel *fake_tunnel_at(struct dp *dp, struct handle h); // NULL: it is not that one's
void fake_sa_gone(struct dp *dp, struct handle sa);                 // its worker has let go of it

struct dp *fake_dp_create(void);
// Fails the test (returns false) if anything is still live in it.
bool fake_dp_is_empty(const struct dp *dp);
void fake_dp_destroy(struct dp *dp);
// The oldest datagram sent and not taken yet, to be freed by the caller; NULL: none.
struct fake_datagram *fake_dp_take(struct dp *dp);
// Puts a copy into the punt ring that its cookies ask for.
void fake_dp_deliver(struct dp *dp, const struct fake_datagram *d);
void fake_dp_deliver_frame(struct dp *dp, const uint8_t *frame, uint16_t len);
void fake_dp_raise(struct dp *dp, struct dp_event ev);
bool fake_dp_has_events(const struct dp *dp);
// A host's packet leaves through a tunnel: true if it was encrypted (the SA's spec in *sa).
bool fake_dp_packet(struct dp *dp, struct handle tunnel, struct fake_sa **sa);
// An authentic ESP packet for this SPI comes in; false: no such SA.
bool fake_dp_esp_in(struct dp *dp, uint32_t spi);
// The static route to this prefix, NULL: none.
// Is the address in a network of which dp_lost_networks() was told?
bool fake_dp_is_lost(const struct dp *dp, const struct ip_addr *addr);
struct fake_route *fake_dp_route(struct dp *dp, const struct ip_prefix *prefix);
// First live tunnel, for tests with one.
struct handle fake_dp_tunnel(const struct dp *dp);
unsigned fake_dp_live_sas(const struct dp *dp);

#endif
