// `show crypto session [brief|detail]` in the words of IOS. Helper threads only; works on views.
#include "show_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "format.h"
#include "text.h"

static const char *status_of(const struct peer_view *p)
{
	if (p->sas_active)
		return p->ike_active ? "UP-ACTIVE" : "UP-NO-IKE";
	if (p->ike_active)
		return "UP-IDLE";
	return p->ike_negotiating ? "DOWN-NEGOTIATING" : "DOWN";
}

// The letters of `brief`.
static const char *letters_of(const struct peer_view *p)
{
	if (p->sas_active)
		return p->ike_active ? "UA" : "UK";
	if (p->ike_active)
		return "UI";
	return p->ike_negotiating ? "DN" : "D";
}

void session_format_init(struct session_format *f, enum session_style style, struct text *out)
{
	*f = (struct session_format){.style = style};
	if (style == SESSION_BRIEF) {
		text_printf(out, "Status: A- Active, U - Up, D - Down, I - Idle, S - Standby, "
		                 "N - Negotiating\n"
		                 "        K - No IKE\n"
		                 "ivrf = (none)\n"
		                 "           Peer     I/F          Username          "
		                 "Group/Phase1_id           Uptime Status\n");
		return;
	}
	text_printf(out, "Crypto session current status\n\n");
	if (style == SESSION_DETAIL)
		text_printf(out, "Code: C - IKE Configuration mode, D - Dead Peer Detection     \n"
		                 "K - Keepalives, N - NAT-traversal, T - cTCP encapsulation     \n"
		                 "X - IKE Extended Authentication, F - IKE Fragmentation\n\n");
}

static void brief_line(const char *peer, const char *iface, const char *id, uint32_t up_seconds,
                       const char *letters, struct text *out)
{
	char shorter[CONFIG_NAME], up[FORMAT_TIME] = "-";

	if (up_seconds != VIEW_NONE)
		format_uptime(up_seconds, up);
	text_printf(out, "%15s %7s %17s %24s %16s %5s\n", peer,
	            format_iface_short(iface, shorter, sizeof(shorter)), "-", id[0] ? id : "-", up,
	            letters);
}

static void print_ike(const struct session_format *f, const struct ike_view *v, struct text *out)
{
	char local[ADDR_TEXT], remote[ADDR_TEXT], life[FORMAT_TIME];

	text_printf(out, "  IKEv1 SA: local %s/%u remote %s/%u %s \n",
	            addr_format(&v->local, local), v->local_port, addr_format(&v->remote, remote),
	            v->remote_port, v->active && !v->deleted ? "Active" : "Inactive");
	if (f->style != SESSION_DETAIL)
		return;
	text_printf(out, "          Capabilities:%s%s%s connid:%u lifetime:%s\n", v->dpd ? "D" : "",
	            v->nat ? "N" : "", v->dpd || v->nat ? "" : "(none)", v->conn_id,
	            format_hms(v->seconds_left == VIEW_NONE ? 0 : v->seconds_left, life));
}

static void print_flow_line(const struct selector *s, struct text *out)
{
	text_printf(out, "  IPSEC FLOW: permit ");
	if (s->proto)
		text_printf(out, "%u ", s->proto);
	else
		text_printf(out, "ip ");
	format_flow_end(&s->local, s->local_port, out);
	text_printf(out, " ");
	format_flow_end(&s->remote, s->remote_port, out);
	text_printf(out, " \n");
}

static void print_left(const struct child_view *v, struct text *out)
{
	if (v && v->kilobytes_left != VIEW_NONE)
		text_printf(out, "%u/", v->kilobytes_left);
	else
		text_printf(out, "%s/", v ? "KB Vol Rekey Disabled" : "0");
	text_printf(out, "%u\n", v && v->seconds_left != VIEW_NONE ? v->seconds_left : 0);
}

// `c` points to n children of one flow, the newest first; n may be 0.
static void print_flow_sas(const struct session_format *f, const struct child_view *c, unsigned n,
                           struct text *out)
{
	const struct child_view *newest = NULL;
	struct sa_view in = {0}, outbound = {0};
	unsigned sas = 0;

	if (n) {
		in.packets = c[0].ended.in_packets;
		in.drops = c[0].ended.in_drops;
		outbound.packets = c[0].ended.out_packets;
		outbound.drops = c[0].ended.out_drops;
	}
	for (unsigned i = 0; i < n; i++) {
		sas += c[i].in.live + c[i].out.live;
		if (c[i].in.live && !newest)
			newest = &c[i];
		in.packets += c[i].in.packets;
		in.drops += c[i].in.drops;
		outbound.packets += c[i].out.packets;
		outbound.drops += c[i].out.drops;
	}
	text_printf(out, "        Active SAs: %u, origin: crypto map\n", sas);
	if (f->style != SESSION_DETAIL)
		return;
	text_printf(out, "        Inbound:  #pkts dec'ed %llu drop %llu life (KB/Sec) ",
	            format_total(in.packets), format_total(in.drops));
	print_left(newest, out);
	text_printf(out, "        Outbound: #pkts enc'ed %llu drop %llu life (KB/Sec) ",
	            format_total(outbound.packets), format_total(outbound.drops));
	print_left(newest, out);
}

static void print_head(const struct session_format *f, const char *iface, uint32_t up_seconds,
                       const char *status, struct text *out)
{
	char up[FORMAT_TIME];

	text_printf(out, "Interface: %s\n", iface);
	if (f->style == SESSION_DETAIL && up_seconds != VIEW_NONE)
		text_printf(out, "Uptime: %s\n", format_uptime(up_seconds, up));
	text_printf(out, "Session status: %s     \n", status);
}

static void print_peer(const struct session_format *f, const struct ip_addr *peer, uint16_t port,
                       const char *id, struct text *out)
{
	char addr[ADDR_TEXT];

	text_printf(out, "Peer: %s port %u ", addr_format(peer, addr), port);
	if (f->style != SESSION_DETAIL) {
		text_printf(out, "\n");
		return;
	}
	text_printf(out, "fvrf: (none) ivrf: (none)\n      Phase1_id: %s\n      Desc: (none)\n",
	            id[0] ? id : "(none)");
}

// By flow, in the order of the flows; of one flow the newest first.
static int compare_children(const void *a, const void *b)
{
	const struct child_view *x = a, *y = b;

	if (x->tunnel.index != y->tunnel.index)
		return x->tunnel.index < y->tunnel.index ? -1 : 1;
	if (x->tunnel.generation != y->tunnel.generation)
		return x->tunnel.generation < y->tunnel.generation ? -1 : 1;
	return x->in.conn_id > y->in.conn_id ? -1 : x->in.conn_id < y->in.conn_id;
}

static void print_children(struct session_format *f, struct text *out)
{
	unsigned from = 0, to;

	if (f->n_children)
		qsort(f->children, f->n_children, sizeof(*f->children), compare_children);
	while (from < f->n_children) {
		for (to = from + 1; to < f->n_children &&
		                    handle_equal(f->children[to].tunnel, f->children[from].tunnel);
		     to++)
			;
		print_flow_line(&f->children[from].selector, out);
		print_flow_sas(f, &f->children[from], to - from, out);
		from = to;
	}
}

static void print_session(struct session_format *f, struct text *out)
{
	const struct peer_view *p = &f->peer;
	char addr[ADDR_TEXT];

	if (f->style == SESSION_BRIEF) {
		brief_line(addr_format(&p->remote, addr), p->iface, p->phase1_id, p->up_seconds,
		           letters_of(p), out);
		return;
	}
	print_head(f, p->iface, p->up_seconds, status_of(p), out);
	print_peer(f, &p->remote, p->remote_port, p->phase1_id, out);
	text_printf(out, "  Session ID: %u  \n", p->session_id);
	for (unsigned i = 0; i < f->n_ikes; i++)
		print_ike(f, &f->ikes[i], out);
	print_children(f, out);
	for (unsigned i = 0; i < f->n_waiting; i++) {
		print_flow_line(&f->waiting[i].selector, out);
		print_flow_sas(f, NULL, 0, out);
	}
	text_printf(out, "\n");
}

static void flush(struct session_format *f, struct text *out)
{
	if (f->open)
		print_session(f, out);
	if (f->flow_open && f->style != SESSION_BRIEF)
		text_printf(out, "\n");
	f->open = f->flow_open = false;
	f->n_ikes = f->n_children = f->n_waiting = 0;
}

// Appends; the arrays grow at powers of two. Out of memory: the part is left out.
static void append(void *array, unsigned *n, const void *item, size_t size)
{
	void *items, *bigger;

	memcpy(&items, array, sizeof(items));
	bigger = items;
	if ((*n & (*n - 1)) == 0)
		bigger = realloc(items, size * (*n ? *n * 2 : 1));
	if (!bigger)
		return;
	memcpy(array, &bigger, sizeof(bigger));
	memcpy((char *)bigger + *n * size, item, size);
	(*n)++;
}

// A flow that no peer has: flows of the same entry make one session.
static void lone_flow(struct session_format *f, const struct flow_view *v, struct text *out)
{
	bool same = f->flow_open && f->flow.sequence == v->sequence &&
	            !strcmp(f->flow.map_name, v->map_name) && !strcmp(f->flow.iface, v->iface) &&
	            addr_equal(&f->flow.peer, &v->peer);
	char addr[ADDR_TEXT];

	if (!same) {
		flush(f, out);
		f->flow = *v;
		f->flow_open = true;
		if (f->style == SESSION_BRIEF) {
			brief_line(addr_format(&v->peer, addr), v->iface, "", VIEW_NONE, "D", out);
			return;
		}
		print_head(f, v->iface, VIEW_NONE, "DOWN", out);
		print_peer(f, &v->peer, v->peer_port, "", out);
	}
	if (f->style == SESSION_BRIEF)
		return;
	print_flow_line(&v->selector, out);
	print_flow_sas(f, NULL, 0, out);
}

void session_format_view(struct session_format *f, const struct view *v, struct text *out)
{
	switch (v->kind) {
	case VIEW_PEER:
		flush(f, out);
		f->peer = v->peer;
		f->open = true;
		break;
	case VIEW_IKE:
		append(&f->ikes, &f->n_ikes, &v->ike, sizeof(v->ike));
		break;
	case VIEW_CHILD:
		append(&f->children, &f->n_children, &v->child, sizeof(v->child));
		break;
	case VIEW_FLOW:
		if (v->flow.waiting && f->open)
			append(&f->waiting, &f->n_waiting, &v->flow, sizeof(v->flow));
		else
			lone_flow(f, &v->flow, out);
		break;
	default:
		break;
	}
}

void session_format_end(struct session_format *f, struct text *out)
{
	flush(f, out);
	free(f->ikes);
	free(f->children);
	free(f->waiting);
	*f = (struct session_format){0};
}
