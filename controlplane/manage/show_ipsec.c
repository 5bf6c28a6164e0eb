// `show crypto ipsec sa` and `transform-set` in the words of IOS. Helper threads only.
#include "show_ipsec.h"

#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "format.h"
#include "render.h"
#include "text.h"

// Bytes around what is encrypted, before padding: the IP header in front, UDP if any, SPI and
// sequence number, IV, pad length and next header, ICV.
static unsigned overhead(const struct child_view *v, uint8_t family)
{
	return (family == 6 ? 40 : 20) + (v->udp ? 8 : 0) + 8 + sa_iv_len(v->suite.cipher) + 2 +
	       sa_icv_len(v->suite.cipher, v->suite.auth);
}

static unsigned block_of(enum sa_cipher c)
{
	return c == SA_CIPHER_AES_CBC                              ? 16
	       : c == SA_CIPHER_3DES_CBC || c == SA_CIPHER_DES_CBC ? 8
	                                                           : 4;
}

// The largest packet that needs no fragment outside. In transport mode the IP header in front is
// its own.
static unsigned plain_mtu(unsigned mtu, const struct child_view *v, uint8_t family)
{
	unsigned block = block_of(v->suite.cipher), around = overhead(v, family) - 2;
	unsigned own = v->suite.mode == SA_MODE_TRANSPORT ? 20 : 0;

	return mtu > around + block ? own + (mtu - around) / block * block - 2 : 0;
}

static void print_ident(const char *side, const struct ip_prefix *p, uint8_t proto, uint16_t port,
                        struct text *out)
{
	char addr[ADDR_TEXT], mask[ADDR_TEXT];
	struct ip_addr m = prefix_mask(p->addr.family == 6 ? 0 : p->len);

	if (p->addr.family == 6) {
		text_printf(out, "   %s ident (addr/mask/prot/port): (%s/%u/%u/%u)\n", side,
		            addr_format(&p->addr, addr), p->len, proto, port);
		return;
	}
	text_printf(out, "   %s ident (addr/mask/prot/port): (%s/%s/%u/%u)\n", side,
	            addr_format(&p->addr, addr), addr_format(&m, mask), proto, port);
}

static void print_counts(const struct ipsec_format *f, struct text *out)
{
	const struct flow_totals *t = &f->flow.ended;
	uint64_t in = t->in_packets, outbound = t->out_packets;
	uint64_t in_bad = t->in_drops, out_bad = t->out_drops;
	unsigned long long received, sent;

	for (unsigned i = 0; i < f->n_children; i++) {
		in += f->children[i].in.packets;
		in_bad += f->children[i].in.drops;
		outbound += f->children[i].out.packets;
		out_bad += f->children[i].out.drops;
	}
	received = format_total(in);
	sent = format_total(outbound);
	text_printf(out,
	            "    #pkts encaps: %llu, #pkts encrypt: %llu, #pkts digest: %llu\n"
	            "    #pkts decaps: %llu, #pkts decrypt: %llu, #pkts verify: %llu\n"
	            "    #pkts compressed: 0, #pkts decompressed: 0\n"
	            "    #pkts not compressed: 0, #pkts compr. failed: 0\n"
	            "    #pkts not decompressed: 0, #pkts decompress failed: 0\n"
	            "    #send errors %llu, #recv errors %llu\n\n",
	            sent, sent, sent, received, received, received, format_total(out_bad),
	            format_total(in_bad));
}

static void print_head(struct ipsec_format *f, struct text *out)
{
	const struct flow_view *v = &f->flow;
	char addr[ADDR_TEXT];

	if (strcmp(f->iface, v->iface) != 0)
		text_printf(out, "\ninterface: %s\n", v->iface);
	if (strcmp(f->iface, v->iface) != 0 || strcmp(f->map_name, v->map_name) != 0)
		text_printf(out, "    Crypto map tag: %s, local addr %s\n", v->map_name,
		            addr_format(&v->local, addr));
	memcpy(f->iface, v->iface, sizeof(f->iface));
	memcpy(f->map_name, v->map_name, sizeof(f->map_name));
	text_printf(out, "\n   protected vrf: (none)\n");
	print_ident("local ", &v->selector.local, v->selector.proto, v->selector.local_port, out);
	print_ident("remote", &v->selector.remote, v->selector.proto, v->selector.remote_port, out);
	text_printf(out, "   current_peer %s port %u\n", addr_format(&v->peer, addr), v->peer_port);
	text_printf(out, "     PERMIT, flags={origin_is_acl,}\n");
}

static void print_endpoints(const struct ipsec_format *f, struct text *out)
{
	const struct child_view *c = f->n_children ? &f->children[0] : NULL;
	char local[ADDR_TEXT], remote[ADDR_TEXT];
	uint32_t spi = c ? c->out.spi : 0;
	unsigned mtu = f->flow.mtu;

	if (c && c->path_mtu && c->path_mtu < mtu)
		mtu = c->path_mtu;

	text_printf(out, "     local crypto endpt.: %s, remote crypto endpt.: %s\n",
	            addr_format(&f->flow.local, local), addr_format(&f->flow.peer, remote));
	text_printf(out, "     plaintext mtu %u, path mtu %u, ip mtu %u, ip mtu idb %s\n",
	            c ? plain_mtu(mtu, c, f->flow.peer.family) : mtu, mtu, f->flow.mtu,
	            f->flow.iface);
	text_printf(out, "     current outbound spi: 0x%X(%u)\n", spi, spi);
	if (c && c->suite.pfs_group)
		text_printf(out, "     PFS (Y/N): Y, DH group: group%u\n\n", c->suite.pfs_group);
	else
		text_printf(out, "     PFS (Y/N): N, DH group: none\n\n");
}

static void print_timing(const struct child_view *c, struct text *out)
{
	if (c->manual) {
		text_printf(out, "        no sa timing\n");
		return;
	}
	text_printf(out, "        sa timing: remaining key lifetime (k/sec): (");
	if (c->kilobytes_left != VIEW_NONE)
		text_printf(out, "%u", c->kilobytes_left);
	else
		text_printf(out, "KB Vol Rekey Disabled");
	text_printf(out, "/%u)\n", c->seconds_left == VIEW_NONE ? 0 : c->seconds_left);
}

static void print_errors(const struct sa_view *s, bool inbound, struct text *out)
{
	if (inbound)
		text_printf(out,
		            "        #pkts verify failed: %llu, #pkts replay failed (rcv): %llu\n"
		            "        #pkts invalid identity (recv) %llu, "
		            "#pkts internal err (recv) %llu\n",
		            (unsigned long long)s->verify_failed, (unsigned long long)s->replayed,
		            (unsigned long long)s->bad_identity,
		            (unsigned long long)(s->drops - s->verify_failed - s->replayed -
		                                 s->bad_identity));
	else
		text_printf(out, "        #pkts internal err (send): %llu\n",
		            (unsigned long long)s->drops);
}

static void print_sa(const struct ipsec_format *f, const struct child_view *c, bool inbound,
                     struct text *out)
{
	const struct sa_view *s = inbound ? &c->in : &c->out;

	text_printf(out, "      spi: 0x%X(%u)\n        transform: ", s->spi, s->spi);
	format_transform(&c->suite, out);
	text_printf(out, " ,\n        in use settings ={%s%s, }\n",
	            c->suite.mode == SA_MODE_TUNNEL ? "Tunnel" : "Transport",
	            c->udp ? " UDP-Encaps" : "");
	text_printf(out, "        conn id: %u, flow_id: SW:%u, crypto map: %s\n", s->conn_id,
	            s->conn_id % 1000, f->flow.map_name);
	print_timing(c, out);
	text_printf(out, "        IV size: %u bytes\n", sa_iv_len(c->suite.cipher));
	text_printf(out, "        replay detection support: %s",
	            (!inbound && !c->manual) || s->replay_window ? "Y" : "N");
	if (s->replay_window > CONFIG_REPLAY_WINDOW)
		text_printf(out, "  replay window size: %u", s->replay_window);
	if (c->suite.esn)
		text_printf(out, "\n        extended sequence numbers: Y");
	text_printf(out, "\n");
	if (f->detail)
		print_errors(s, inbound, out);
	text_printf(out, "        Status: ACTIVE(%s)\n\n",
	            c->state == CHILD_OLD ? "INACTIVE" : "ACTIVE");
}

static void print_sas(const struct ipsec_format *f, bool inbound, struct text *out)
{
	const char *side = inbound ? "inbound" : "outbound";

	text_printf(out, "     %s esp sas:\n", side);
	for (unsigned i = 0; i < f->n_children; i++)
		if (inbound ? f->children[i].in.live : f->children[i].out.live)
			print_sa(f, &f->children[i], inbound, out);
	if (!f->n_children)
		text_printf(out, "\n");
	text_printf(out, "     %s ah sas:\n\n     %s pcp sas:\n\n", side, side);
}

static void flush(struct ipsec_format *f, struct text *out)
{
	if (!f->open)
		return;
	print_head(f, out);
	print_counts(f, out);
	if (!f->identity) {
		print_endpoints(f, out);
		print_sas(f, true, out);
		print_sas(f, false, out);
	}
	f->open = false;
	f->printed = true;
}

void ipsec_format_view(struct ipsec_format *f, const struct view *v, struct text *out)
{
	if (v->kind == VIEW_FLOW) {
		flush(f, out);
		f->flow = v->flow;
		f->n_children = 0;
		f->open = true;
	} else if (v->kind == VIEW_CHILD && f->n_children < IPSEC_CHILDREN) {
		f->children[f->n_children++] = v->child;
	}
}

void ipsec_format_end(struct ipsec_format *f, struct text *out)
{
	flush(f, out);
	if (!f->printed)
		text_printf(out, "\nNo SAs found\n");
}

void ipsec_transform_sets(const struct config *c, struct text *out)
{
	const char *why;

	for (uint32_t i = 0; i < c->n_transform_sets; i++) {
		const struct config_transform_set *t = &c->transform_sets[i];

		text_printf(out, "Transform set %s: { ", t->name);
		render_transforms(t, out);
		text_printf(out, "  } \n   will negotiate = { %s,  }, \n",
		            t->mode == SA_MODE_TUNNEL ? "Tunnel"
		            : t->require              ? "Transport require"
		                                      : "Transport");
		if (!config_transform_set_usable(t, &why))
			text_printf(out, "   not used: %s\n", why);
		text_printf(out, "\n");
	}
}
