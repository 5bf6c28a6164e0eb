// What is seldom done about packets on their way into an SA: they are too long. [W]
#include "wrap.h"

#include "icmp.h"
#include "split.h"

void wrap_path_find(const struct worker *w, struct wrap_path *path, uint16_t out)
{
	uint32_t df = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	const struct iface *iface;

	*path = (struct wrap_path){
		.mtu = UINT32_MAX, .mtu6 = UINT32_MAX, .df_copy = df, .out = out};
	if (out >= w->dp->n_ifaces)
		return;
	iface = &w->dp->ifaces[out];
	path->mtu = iface_word(&iface->mtu) ? iface_word(&iface->mtu) : UINT32_MAX;
	path->mtu6 = iface_mtu6(iface) ? iface_mtu6(iface) : UINT32_MAX;
	path->flags = iface_word(&iface->flags);
	path->df_set = path->flags & IFACE_DF_SET ? df : 0;
	path->df_copy = path->flags & IFACE_DF_CLEAR ? 0 : df;
}

void wrap_refuse(struct worker *w, struct rte_mbuf *m, struct sa *sa, enum counter reason)
{
	sa_count(&sa->other_drops, 1);
	worker_drop(w, m, reason);
}

uint32_t wrap_room(const struct sa *sa, uint32_t mtu)
{
	uint32_t room = mtu > sa->overhead ? (mtu - sa->overhead) & ~(sa->align - 1u) : 0;

	return room > ESP_TRAILER ? room - ESP_TRAILER : 0;
}

// Too long for the path in one piece: is it the outer packet that is cut? Later fragments of the
// inner one have no ports, so an SA that names some takes none.
static bool cut_outside(const struct sa *sa, uint32_t inner_df, uint32_t flags)
{
	if (inner_df)
		return flags & IFACE_DF_CLEAR;
	return flags & IFACE_FRAGMENT_AFTER || sa->is_narrow;
}

bool wrap_stretch(struct worker *w, struct rte_mbuf *m, struct sa *sa, const struct wrap_path *path,
                  uint32_t longest, uint32_t total)
{
	uint32_t df = packet_ip(m)->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	uint32_t room = wrap_room(sa, longest);

	if (cut_outside(sa, df, path->flags)) {
		if (total <= UINT16_MAX)
			return true;
		wrap_refuse(w, m, sa, DROP_NO_BUFFER);
	} else if (!df) {
		split_later(w, m, (uint16_t)room);
	} else {
		icmp_error(w, m, ICMP_UNREACHABLE, ICMP_FRAG_NEEDED, room);
		wrap_refuse(w, m, sa, DROP_MTU);
	}
	return false;
}
