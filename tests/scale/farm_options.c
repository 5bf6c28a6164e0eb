// See farm_options.h.
#include "farm_options.h"

#include <getopt.h>
#include <stdlib.h>

void farm_usage(FILE *to)
{
	fputs("usage: farm --socket PATH | --device VDEV [--lan PATH] [--peers N] [--rate "
	      "A-SECOND]\n"
	      "            [--window N] [--psk KEY] [--setup-time S] [--run S] [--kill PERCENT]\n"
	      "            [--hellos] [--on-demand] [--nat] [--3des] [--interval S] [--retry S]\n"
	      "            [--restart PERCENT] [--bye PERCENT] [--return] [--gateway PID] [--json "
	      "FILE]\n"
	      "            [--loss PERCENT] [--dup PERCENT] [--late MS] [--flood A-SECOND] [--seed "
	      "N]\n"
	      "            [--traffic PERCENT] [--pings A-SECOND] [--overload A-SECOND]\n"
	      "            [--garbage A-SECOND] [--admit A-SECOND]\n"
	      "What the peers send is lost, comes twice, or late by up to MS; --flood: first "
	      "messages\n"
	      "of strangers, from 100.127.0.0/16, once all peers are up. --restart: so many lose\n"
	      "everything and begin afresh; --bye: so many delete their SAs and begin afresh; "
	      "--return: so do the dead, once all are found. --nat: "
	      "the\n"
	      "peers are behind NATs, and everything is in UDP of port 4500. --3des: IKE with "
	      "that.\n"
	      "--traffic: the hosts behind so many of the peers answer a host in the gateway's "
	      "LAN,\n"
	      "172.20.0.2, which pings all of them once a second, or as often as --pings says, "
	      "and\n"
	      "with --overload sends so many packets more that have no answer. --garbage: so many\n"
	      "packets of ESP that are not authentic. --on-demand: the gateway asks only peers "
	      "with\n"
	      "traffic, and only their deaths are waited for.\n"
	      "PATH is the memif socket of a gateway with address 192.0.2.1 and a route for\n"
	      "100.64.0.0/10 by 192.0.2.2, or of its LAN, VDEV a device of DPDK's on the same "
	      "network;\n"
	      "peer i is 100.64.0.1 + i with the host 10.0.0.1 + i. Ends with 0 if all came up, "
	      "every\n"
	      "death was told and none of a living peer, and no renewal cost a peer its SA; with "
	      "--admit: and no more came up than so "
	      "many a second.\n",
	      to);
}

// What is no whole number.
static bool read_one(struct farm_options *o, int opt)
{
	switch (opt) {
	case 's':
		o->socket = optarg;
		return true;
	case 'L':
		o->lan = optarg;
		return true;
	case 'D':
		o->device = optarg;
		return true;
	case 'p':
		o->psk = optarg;
		return true;
	case 'j':
		o->json = optarg;
		return true;
	case 'h':
		o->hellos = true;
		return true;
	case 'o':
		o->on_demand = true;
		return true;
	case '3':
		o->des = true;
		return true;
	case 'N':
		o->nat = true;
		return true;
	case 'b':
		o->comeback = true;
		return true;
	case 'l':
		o->faults.loss = strtod(optarg, NULL);
		return true;
	case 'd':
		o->faults.dup = strtod(optarg, NULL);
		return true;
	case 'T':
		o->traffic = strtod(optarg, NULL);
		return true;
	case 'x':
		o->faults.seed = strtoul(optarg, NULL, 10) | 1;
		return true;
	default:
		return false;
	}
}

static bool sensible(const struct farm_options *o)
{
	bool traffic = o->pings || o->overload || o->garbage || o->on_demand || o->lan;

	return !o->socket != !o->device && o->peers && o->peers <= 4000000 && o->kill <= 100 &&
	       o->restart <= 100 && o->bye <= 100 && o->interval_s &&
	       o->faults.late <= FARM_LATE_MAX && o->traffic >= 0 && o->traffic <= 100 &&
	       (!traffic || o->traffic > 0);
}

bool farm_options_read(struct farm_options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"socket", 1, NULL, 's'},    {"peers", 1, NULL, 'n'},
		{"rate", 1, NULL, 'r'},      {"window", 1, NULL, 'w'},
		{"psk", 1, NULL, 'p'},       {"run", 1, NULL, 't'},
		{"kill", 1, NULL, 'k'},      {"setup-time", 1, NULL, 'u'},
		{"hellos", 0, NULL, 'h'},    {"interval", 1, NULL, 'i'},
		{"retry", 1, NULL, 'y'},     {"json", 1, NULL, 'j'},
		{"loss", 1, NULL, 'l'},      {"dup", 1, NULL, 'd'},
		{"late", 1, NULL, 'a'},      {"flood", 1, NULL, 'f'},
		{"seed", 1, NULL, 'x'},      {"restart", 1, NULL, 'e'},
		{"return", 0, NULL, 'b'},    {"gateway", 1, NULL, 'g'},
		{"lan", 1, NULL, 'L'},       {"device", 1, NULL, 'D'},
		{"traffic", 1, NULL, 'T'},   {"pings", 1, NULL, 'P'},
		{"overload", 1, NULL, 'O'},  {"garbage", 1, NULL, 'G'},
		{"on-demand", 0, NULL, 'o'}, {"nat", 0, NULL, 'N'},
		{"3des", 0, NULL, '3'},      {"bye", 1, NULL, 'B'},
		{"admit", 1, NULL, 'A'},     {NULL, 0, NULL, 0},
	};
	const struct {
		int opt;
		uint32_t *to;
	} numbers[] = {
		{'n', &o->peers},    {'r', &o->rate},        {'w', &o->window},
		{'t', &o->run_s},    {'u', &o->setup_s},     {'k', &o->kill},
		{'y', &o->retry_s},  {'i', &o->interval_s},  {'f', &o->flood},
		{'e', &o->restart},  {'a', &o->faults.late}, {'g', &o->gateway},
		{'O', &o->overload}, {'G', &o->garbage},     {'P', &o->pings},
		{'B', &o->bye},      {'A', &o->admit},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		bool known = false;

		for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			if (opt != numbers[i].opt)
				continue;
			*numbers[i].to = (uint32_t)strtoul(optarg, NULL, 10);
			known = true;
		}
		if (!known && !read_one(o, opt))
			return false;
	}
	return optind == argc && sensible(o);
}
