module.exports=[14926,(e,o,d)=>{}];

//# sourceMappingURL=1ule_recipe-edge__next-internal_server_app_items_%5Bid%5D_route_actions_1ntn47r0akox5.js.map