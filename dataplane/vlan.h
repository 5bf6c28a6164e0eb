// Subinterfaces: an interface of the contract is {port, VLAN}. A port without any pays one test a
// burst.
#ifndef VIGIL_DATAPLANE_VLAN_H
#define VIGIL_DATAPLANE_VLAN_H

#include "worker.h"

#define VLAN_IDS 4096u

// What a port's frames are sorted by. [C] writes, each word for itself; [W] reads.
struct vlan_table {
	uint16_t iface[VLAN_IDS]; // by VLAN, PACKET_NO_IFACE = nobody's; 0: frames without a tag
};

// What a port counts in hardware, for a subinterface. The worker writes, control reads.
struct vlan_count {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

// [C] Before launch and after the end. 0 or -errno.
int vlan_init(struct worker *w);
void vlan_fini(struct worker *w);
void vlan_close(struct dp *dp);
// [C] Sums over the workers.
void vlan_counts(const struct dp *dp, uint16_t iface, struct vlan_count *out);

// [W] A port's frames, to classify_frames() of the interfaces that they belong to, in order. As a
// stage does, returns how many packets stay in front.
uint16_t vlan_classify(struct worker *w, const struct vlan_table *table, struct rte_mbuf **pkts,
                       uint16_t n);
// [W] Takes the tag off a frame that begins with one; its VLAN. 0: it has none, or one that only
// says a priority (802.1Q, 6.9.1).
uint16_t vlan_untag(struct rte_mbuf *m);
// [W] Puts the tag of a subinterface into frames on their way out; those without room are dropped
// and counted. Returns how many stay in front.
uint16_t vlan_tag_burst(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n);
// [any] The same for one frame. False: no room, the frame stays the caller's.
bool vlan_tag(struct rte_mbuf *m, uint16_t vlan);

#endif
