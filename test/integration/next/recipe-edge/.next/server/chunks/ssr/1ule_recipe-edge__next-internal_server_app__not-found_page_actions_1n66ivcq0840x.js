module.exports=[643,(a,b,c)=>{}];

//# sourceMappingURL=1ule_recipe-edge__next-internal_server_app__not-found_page_actions_1n66ivcq0840x.js.map