// Lowers the MSS option of TCP SYNs (RFC 9293, 3.7.1). [W] The checksum follows the change (RFC
// 1624). A packet that is cut short, a later fragment or a bad option is left as it is: it is for
// its receiver to judge.
#include "mss.h"

#include <rte_branch_prediction.h>

#include "bytes.h"
#include "worker.h"

#define TCP_HEADER      20
#define TCP_FLAGS       13
#define TCP_CHECKSUM    16
#define TCP_SYN         0x02
#define IPV6_HEADER     40
#define OPTION_END      0
#define OPTION_NOP      1
#define OPTION_MSS      2
#define OPTION_MSS_SIZE 4

void mss_watch(struct dp *dp)
{
	uint32_t any = 0;

	for (unsigned i = 0; i < dp->n_ifaces; i++)
		any |= iface_word(&dp->ifaces[i].mss);
	// Writer: control. Relaxed: a hint, the words themselves decide.
	__atomic_store_n(&dp->mss_any, any, __ATOMIC_RELAXED);
}

// The TCP header, if the packet shows one, and its bytes in *len; else NULL.
static uint8_t *tcp_of(struct rte_mbuf *m, bool *v6, uint32_t *len)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t have = rte_pktmbuf_data_len(m), head;

	*v6 = ip[0] >> 4 == 6;
	if (*v6) {
		head = IPV6_HEADER;
		if (have < IPV6_HEADER || ip[6] != IPPROTO_TCP)
			return NULL;
	} else {
		head = packet_of(m)->ihl;
		if (ip[9] != IPPROTO_TCP || bytes_get_u16(ip + 6) & RTE_IPV4_HDR_OFFSET_MASK)
			return NULL;
	}
	if (have < head + TCP_HEADER)
		return NULL;
	*len = have - head;
	return ip + head;
}

// The value of the MSS option, or NULL.
static uint8_t *option_of(uint8_t *tcp, uint32_t len)
{
	uint32_t end = (uint32_t)(tcp[12] >> 4) * 4, at = TCP_HEADER;

	if (end > len)
		return NULL;
	while (at + OPTION_MSS_SIZE <= end && tcp[at] != OPTION_END) {
		if (tcp[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (tcp[at] == OPTION_MSS)
			return tcp[at + 1] == OPTION_MSS_SIZE ? tcp + at + 2 : NULL;
		if (tcp[at + 1] < 2)
			return NULL;
		at += tcp[at + 1];
	}
	return NULL;
}

// Adds a byte pair that stands at `offset` of the sum's data; at an odd one its bytes lie in
// different words.
static uint32_t in_place(uint16_t value, ptrdiff_t offset)
{
	return offset & 1 ? (uint16_t)(value << 8 | value >> 8) : value;
}

static void lower(uint8_t *tcp, uint8_t *option, uint16_t mss)
{
	uint16_t old = bytes_get_u16(option);
	uint32_t sum;

	if (old <= mss)
		return;
	sum = (uint16_t)~bytes_get_u16(tcp + TCP_CHECKSUM) +
	      in_place((uint16_t)~old, option - tcp) + in_place(mss, option - tcp);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	bytes_put_u16(option, mss);
	bytes_put_u16(tcp + TCP_CHECKSUM, (uint16_t)~sum);
}

static uint32_t word_of(const struct dp *dp, uint16_t iface)
{
	return iface < dp->n_ifaces ? iface_word(&dp->ifaces[iface].mss) : 0;
}

// The smaller of the two, 0 being none.
static uint16_t stricter(uint16_t a, uint16_t b)
{
	return a == 0 || (b && b < a) ? b : a;
}

static void clamp_one(const struct dp *dp, struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	uint32_t in = word_of(dp, p->in), out = word_of(dp, p->out), len;
	uint8_t *tcp, *option;
	uint16_t mss;
	bool v6;

	if (!(in | out))
		return;
	tcp = tcp_of(m, &v6, &len);
	if (!tcp || !(tcp[TCP_FLAGS] & TCP_SYN))
		return;
	mss = v6 ? stricter((uint16_t)(in >> 16), (uint16_t)(out >> 16))
	         : stricter((uint16_t)in, (uint16_t)out);
	option = mss ? option_of(tcp, len) : NULL;
	if (option)
		lower(tcp, option, mss);
}

void mss_clamp(const struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	if (likely(!iface_word(&w->dp->mss_any)))
		return;
	for (uint16_t i = 0; i < n; i++)
		clamp_one(w->dp, pkts[i]);
}
